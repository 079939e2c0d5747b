import { describe, expect, it } from 'vitest';
import { ClientTotals, epsilonOf } from '@tutti/shared/privacy';
import { chainOf, client, completed, debited, opened, OTHER_JOB, release } from './support/entries.js';

const DELTA = 1e-5;
const mine = { participants: [client(1), client(2)] };
const next = { release: release(), unit: 'client' } as const;
const rdp = (count: number) =>
  epsilonOf({ kind: 'repeated', count, event: release() }, { delta: DELTA, accountant: 'rdp' });
const cap = (epsilon: number) => ({ epsilon, delta: DELTA });

describe('what clients have spent over all jobs', () => {
  const first = chainOf([opened(), debited(1, mine), completed(1), debited(2), completed(2)]);
  const second = (terms = {}) =>
    chainOf(
      [opened({ delta: 0.01, ...terms }), debited(1, mine), completed(1), debited(2, mine)],
      OTHER_JOB,
      first.at(-1),
    );
  const totals = (terms = {}) =>
    [...first, ...second(terms)].reduce((folded, entry) => folded.apply(entry), new ClientTotals());

  it('composes the rounds that each was charged for, in every job, at one δ', () => {
    expect(totals().spentBy(client(1), DELTA)).toBeCloseTo(rdp(3), 10);
    expect(totals().spentBy(client(499), DELTA)).toBe(0);
  });

  it('counts jobs that protect each example apart', () => {
    const apart = totals({ unit: 'example' });
    expect(apart.spentBy(client(1), DELTA)).toBeCloseTo(rdp(1), 10);
    expect(apart.spentBy(client(1), DELTA, 'example')).toBeCloseTo(rdp(2), 10);
    expect(apart.exhausted(cap(rdp(3) - 1e-6), next)).toEqual(new Set());
  });

  it('names whom one more release would bring above the cap, and nobody else', () => {
    expect(totals().exhausted(cap(rdp(4) + 1e-9), next)).toEqual(new Set());
    expect(totals().exhausted(cap(rdp(4) - 1e-6), next)).toEqual(new Set([client(1), client(2)]));
  });

  it('names everybody where the noise is too far from its law for any bound', () => {
    const far = totals().exhausted(cap(1000), { ...next, noiseDistance: 0.5 });
    expect(far.has(client(1))).toBe(true);
    expect(ClientTotals.affords(cap(1000), { ...next, noiseDistance: 0.5 })).toBe(false);
    expect(ClientTotals.affords(cap(rdp(1) + 1e-9), next)).toBe(true);
  });
});
