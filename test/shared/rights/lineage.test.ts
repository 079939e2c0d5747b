import { describe, expect, it } from 'vitest';
import type { LedgerEntry, LedgerEvent } from '@tutti/shared/privacy';
import { lineageOf, standingDebits, standingJob } from '@tutti/shared/rights';

const hash = (index: number) => index.toString(16).padStart(64, '0');
const [first, second] = [hash(1), hash(2)];

function entry(job: string, event: LedgerEvent): LedgerEntry {
  return { sequence: 0, time: '2026-01-31T12:00:00.000Z', previous: hash(0), hash: hash(0), job, event };
}

const debit = (job: string, round: number, participants: readonly string[]) =>
  entry(job, {
    kind: 'round-debited',
    round,
    attempt: 0,
    release: { kind: 'gaussian', noiseMultiplier: 1, relation: 'zero-out', unit: 'client' },
    noiseDistance: 0,
    sampling: { kind: 'none' },
    sharers: 5,
    survivors: 5,
    required: 5,
    participants: [...participants],
  });
const erasure = (job: string, more: Partial<Extract<LedgerEvent, { kind: 'erasure' }>>) =>
  entry(job, { kind: 'erasure', request: 'E-1', remedy: 'exact', clients: [hash(9)], ...more });

describe('rounds that a model stands on', () => {
  it('are those before the one that was gone back to, and those that were made again', () => {
    const entries = [
      debit(first, 1, [hash(7)]),
      debit(first, 2, [hash(9)]),
      erasure(first, { successor: { job: second, rounds: 1, model: hash(3) } }),
      debit(second, 1, [hash(8)]),
    ];
    expect(standingJob(entries, first)).toBe(second);
    expect(lineageOf(entries, second)).toEqual([
      { job: first, round: 1, participants: [hash(7)] },
      { job: second, round: 1, participants: [hash(8)] },
    ]);
  });

  it('are found in a ledger of any length without delay, for any client may have them looked for', () => {
    const long = Array.from({ length: 30_000 }, (_, round) => debit(first, round + 1, []));
    expect(standingDebits(long)).toHaveLength(30_000);
  }, 5_000);
});
