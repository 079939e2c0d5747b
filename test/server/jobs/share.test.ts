import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shareOf } from '../../../packages/server/src/jobs/share.js';

const serving = (...settled: readonly boolean[]) =>
  settled.map((isSettled, index) => ({ owner: `${index}`, isSettled }));

it('a coordinator that is alone runs every job', () => {
  expect(shareOf(7, serving(true), '0')).toBe(7);
});

it('a newcomer runs none until clients have found it, and the others go on with all', () => {
  expect(shareOf(7, serving(true, false), '1')).toBe(0);
  expect(shareOf(7, serving(true, false), '0')).toBe(7);
});

it('the shares of all leave no job over, and differ from an even deal by less than one', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), (due, settled) => {
      const all = serving(...settled);
      const shares = all.map(({ owner }) => shareOf(due, all, owner));
      const count = settled.filter(Boolean).length;
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThanOrEqual(due);
      if (count > 0)
        for (const share of shares.filter((one) => one > 0)) expect(share - due / count).toBeLessThan(1);
    }),
    { seed: 1, numRuns: 300 },
  );
});
