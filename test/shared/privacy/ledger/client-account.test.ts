import { describe, expect, it } from 'vitest';
import { ClientAccount, epsilonOf } from '@tutti/shared/privacy';
import { chainOf, client, completed, debited, JOB, opened, OTHER_JOB, release } from './support/entries.js';

const DELTA = 1e-5;
const mine = { participants: [client(1), client(2)] };
const rdp = (count: number) =>
  epsilonOf({ kind: 'repeated', count, event: release() }, { delta: DELTA, accountant: 'rdp' });

describe('a client’s account over all jobs', () => {
  const first = chainOf([opened(), debited(1, mine), completed(1), debited(2), completed(2)]);
  const second = chainOf(
    [opened({ delta: 0.01 }), debited(1, mine), completed(1), debited(2, mine)],
    OTHER_JOB,
    first.at(-1),
  );
  const account = (epsilon = 100) =>
    [...first, ...second].reduce(
      (folded, entry) => folded.apply(entry),
      new ClientAccount(client(1), { epsilon, delta: DELTA }),
    );

  it('composes the rounds that it was charged for, in every job, at its own δ', () => {
    expect(account().participations).toBe(3);
    expect(account().spent()).toBeCloseTo(rdp(3), 10);
    expect(account().spentOn(JOB)).toBeCloseTo(rdp(1), 10);
    expect(account().spentOn(OTHER_JOB)).toBeCloseTo(rdp(2), 10);
    expect(account().spentOn('d'.repeat(64))).toBe(0);
  });

  it('composes: over all jobs it is less than the sum over the jobs', () => {
    expect(account().spent()).toBeLessThan(account().spentOn(JOB) + account().spentOn(OTHER_JOB));
  });

  it('is empty for whoever took no part', () => {
    const other = [...first, ...second].reduce(
      (folded, entry) => folded.apply(entry),
      new ClientAccount(client(499), { epsilon: 1, delta: DELTA }),
    );
    expect([other.spent(), other.participations]).toEqual([0, 0]);
  });

  it('keeps its cap', () => {
    expect(account(rdp(4) + 1e-9).affords(release())).toBe(true);
    expect(account(rdp(4) - 1e-6).affords(release())).toBe(false);
    expect(() => account(rdp(4) + 1e-9).check(release())).not.toThrow();
    expect(() => account(rdp(4) - 1e-6).check(release())).toThrow(
      expect.objectContaining({ code: 'ledger.client-cap' }),
    );
    expect(() => account(1000).check(release(), 0.5)).toThrow(
      expect.objectContaining({ code: 'ledger.client-cap' }),
    );
  });
});
