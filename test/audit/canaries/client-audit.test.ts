import { describe, expect, it } from 'vitest';
import { auditJob } from '@tutti/audit';
import { jobSchema, type JobInput } from '@tutti/shared/protocol';
import { randomDirections } from '../../../packages/audit/src/canaries/directions.js';
import { uniformStream } from '@tutti/shared/crypto';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

const job = (changes: Partial<JobInput> = {}) =>
  jobSchema.parse({
    name: 'audited',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    rounds: 12,
    cohort: { samplingRate: 0.3, minimum: 12, maximum: 80 },
    privacy: { epsilon: 0.8 },
    audit: { canaries: 150, guesses: 100 },
    simulation: { clients: 150, dropout: 0 },
    ...changes,
  });

const audit = async (noise: number) =>
  auditJob({ job: job(), jobDirectory: '.', out: await temporaryDirectory(), seed: 2, noise });

describe('canary clients in a federation, through secure aggregation', () => {
  it('do not refute the job’s ε', async () => {
    const verdict = await audit(1);
    expect(verdict).toMatchObject({ unit: 'client', passed: true, canaries: 150, guesses: 100 });
    expect(verdict.claimed.epsilon).toBeCloseTo(0.8, 3);
  });

  it('refute it where the noise is a twentieth of what was promised', async () => {
    const verdict = await audit(0.05);
    expect(verdict.passed).toBe(false);
    expect(verdict.epsilonLower).toBeGreaterThan(0.8);
  });

  it('are at right angles to one another while there is room', () => {
    const uniform = uniformStream(seededRandom('directions'));
    const directions = randomDirections(
      Array.from({ length: 20 }, () => uniform),
      60,
    );
    const product = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    directions.forEach((direction, index) => {
      expect(product(direction, direction)).toBeCloseTo(1, 12);
      directions
        .slice(0, index)
        .forEach((other) => expect(Math.abs(product(direction, other))).toBeLessThan(1e-12));
    });
  });
});
