import { describe, expect, it } from 'vitest';
import { primitives as nodePrimitives } from '@tutti/shared/crypto/primitives';
import { memoised, toHex, uniformStream } from '@tutti/shared/crypto';
import type { Message, MessageType, RoundParameters } from '@tutti/shared/secagg';
import { enrol, roundParameters, TestRound, type Enrolment } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';

const STAGES: readonly MessageType[] = ['advert', 'seed-reveal', 'shares', 'masked', 'consistency', 'reveal'];
const CLEAN = [
  'secagg.infeasible',
  'secagg.isolated',
  'secagg.no-quorum',
  'secagg.too-few-adverts',
  'secagg.too-few-seeds',
  'secagg.too-few-sharers',
  'secagg.too-few-survivors',
  'secagg.unrecoverable',
];

/** One round under weather drawn from its number: losses at any step and any number of them, repeats, reordering, garbage. */
async function weather(example: number, enrolment: Enrolment) {
  const uniform = uniformStream(seededRandom(`fuzz/${example}`));
  const below = (limit: number) => Math.floor(uniform() * limit);
  const clients = enrolment.clients.length;
  const parameters: Partial<RoundParameters> = {
    dimension: 1 + below(6),
    laneBits: ([8, 16, 32] as const)[below(3)] ?? 8,
    graphMode: below(3) === 0 ? 'ring-reveal' : 'complete',
    gammaPpm: 50_000 + below(150_000),
    deltaPpm: 50_000 + below(300_000),
    roundNumber: example + 1,
  };
  const rate = uniform() * 0.6;
  const losses = new Map<number, MessageType>();
  for (let client = 0; client < clients; client++) {
    if (uniform() < rate) losses.set(client, STAGES[below(STAGES.length)] ?? 'masked');
  }
  const roughness = below(2) === 0 ? 0 : 0.1;
  const disturb = (message: Message): readonly Message[] => {
    if (uniform() >= roughness) return [message];
    const garbage = { type: message.type, body: seededRandom(`${example}`).fill(new Uint8Array(below(300))) };
    return below(2) === 0 ? [message, message] : [garbage, message];
  };
  const round = await TestRound.create({
    seed: `fuzz/${example}`,
    clients,
    enrolment,
    parameters,
    primitives: memoised(nodePrimitives),
  });
  const outcome = await round.run({
    losses,
    shuffle: example,
    toCoordinator: (_, message) => disturb(message),
  });
  return { round, outcome };
}

describe('whoever is lost, whenever, among repeats, disorder and garbage', () => {
  for (let block = 0; block < 5; block++) {
    it(`the sum is exact or the round ends cleanly (${block})`, async () => {
      const enrolment = await enrol('fuzz', 9, roundParameters().groupId);
      const ends = { summed: 0, aborted: 0 };
      for (let example = 48 * block; example < 48 * (block + 1); example++) {
        const { round, outcome } = await weather(example, enrolment);
        const { result, aborted, debit } = outcome;
        if (result) {
          ends.summed++;
          const alive = round.clients.filter(({ sent }) => sent.some(({ type }) => type === 'masked'));
          expect(result.survivors, `example ${example}`).toEqual(alive.map(({ id }) => id));
          expect(result.sum, `example ${example}`).toEqual(round.sumOf(result.survivors));
          expect(debit?.survivors).toEqual(result.survivors);
        } else {
          ends.aborted++;
          expect(CLEAN, `example ${example}`).toContain(aborted?.code);
          const revealed = round.clients.some(({ sent }) => sent.some(({ type }) => type === 'reveal'));
          expect(revealed && debit === undefined, `example ${example}`).toBe(false);
        }
        for (const { sent } of round.clients) {
          const said = new Set(sent.map(({ type, body }) => `${type} ${toHex(body)}`));
          expect(said.size).toBe(new Set(sent.map(({ type }) => type)).size);
        }
      }
      expect(ends.summed).toBeGreaterThan(5);
      expect(ends.aborted).toBeGreaterThan(5);
    });
  }
});
