import { describe, expect, it } from 'vitest';
import { drawLoss, LOSS_STAGES, Losses } from '../../packages/simulation/src/losses.js';
import { frame, type Frame } from '@tutti/shared/protocol';
import { seededRandom } from '../support/seeded-random.js';

describe('losses', () => {
  it('strike with the stated probability, at every stage alike', () => {
    const random = seededRandom('losses');
    const draws = Array.from({ length: 20_000 }, () => drawLoss(0.1, random));
    const struck = draws.filter((stage) => stage !== undefined);
    expect(struck.length / draws.length).toBeGreaterThan(0.09);
    expect(struck.length / draws.length).toBeLessThan(0.11);
    for (const stage of LOSS_STAGES) {
      const share = struck.filter((drawn) => drawn === stage).length / struck.length;
      expect(share).toBeGreaterThan(0.16);
      expect(share).toBeLessThan(0.24);
    }
  });

  it('close the connection instead of the message, and let all others pass', () => {
    const passed: Frame[] = [];
    let closed = 0;
    const losses = new Losses(1, (attempt) => seededRandom(attempt));
    const channel = losses.through({ send: (sent) => passed.push(sent), close: () => closed++ });
    const stages = [...LOSS_STAGES];
    for (const message of stages) {
      channel.send(frame({ type: 'secagg', job: '0'.repeat(64), round: 1, attempt: 0, message }));
    }
    expect(closed).toBe(1);
    expect(passed).toHaveLength(stages.length - 1);
  });
});
