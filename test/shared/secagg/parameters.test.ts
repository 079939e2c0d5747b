import { describe, expect, it } from 'vitest';
import { cohortParameters, type CohortAssumptions } from '@tutti/shared/secagg';
import { Refusal } from '@tutti/shared/errors';
import table from '../../vectors/secagg/parameters.json' with { type: 'json' };

const base: CohortAssumptions = {
  n: 100,
  gammaPpm: 100_000,
  deltaPpm: 100_000,
  sigma: 40,
  graphMode: 'complete',
  grindBits: 0,
  profile: 'M',
};

const modes = {
  M0: ['ring-beacon', 0, 'M'],
  M64: ['ring-reveal', 64, 'M'],
  S0: ['ring-server', 0, 'S'],
} as const;

describe('degree and threshold', () => {
  for (const name of ['M0', 'M64', 'S0'] as const) {
    const [graphMode, grindBits, profile] = modes[name];
    const rows = table.rows.filter((row) => row[0] === name);

    it(`match ${rows.length} cells of the table ${name}`, () => {
      const computed = rows.map((row) => {
        const [n, gammaPpm, deltaPpm] = row.slice(1, 4).map(Number) as [number, number, number];
        const found = cohortParameters({
          ...base,
          ...{ n, gammaPpm, minimumCorrupt: 0, deltaPpm, graphMode, grindBits, profile },
        });
        return [name, n, gammaPpm, deltaPpm, found.graph, found.degree, found.threshold];
      });
      expect(computed).toEqual(rows);
    });
  }

  it.each([
    [1000, 50_000, 0, 90, 71],
    [1000, 150_000, 0, 186, 130],
    [256, 50_000, 0, 62, 50],
    [256, 150_000, 0, 110, 78],
  ])(
    'of %i clients at 10%% corrupt and %i ppm lost, %i grinding bits: %i and %i',
    (n, deltaPpm, grindBits, degree, threshold) => {
      const found = cohortParameters({ ...base, n, deltaPpm, graphMode: 'ring-beacon', grindBits });
      expect(found).toMatchObject({ graph: 'ring', degree, threshold });
    },
  );
});

describe('the corrupt clients of a cohort', () => {
  it.each([3, 5, 9])('are one at least: of %i clients 10%% would be nobody', (n) => {
    expect(cohortParameters({ ...base, n, deltaPpm: 0 })).toMatchObject({ corrupt: 1 });
    expect(cohortParameters({ ...base, n, deltaPpm: 0, gammaPpm: 0 })).toMatchObject({ corrupt: 1 });
  });

  it.each([
    [3, 333_334],
    [4, 500_000],
    [5, 400_000],
    [8, 375_000],
  ])(
    'leave %i clients without a quorum at %i ppm lost, and the remedy names a larger cohort',
    (n, deltaPpm) => {
      expect(() => cohortParameters({ ...base, n, gammaPpm: 0, deltaPpm })).toThrow(
        expect.objectContaining({
          code: 'secagg.infeasible',
          remedy: expect.stringContaining('larger cohort') as string,
        }) as Error,
      );
      expect(cohortParameters({ ...base, n, gammaPpm: 0, deltaPpm: 0 })).toMatchObject({ corrupt: 1 });
    },
  );
});

describe('quorum', () => {
  it.each([
    [10, [6, 6, 7, 7]],
    [50, [27, 28, 31, 34]],
    [100, [53, 56, 61, 67]],
  ])('of %i clients at 5, 10, 20 and 33%% corrupt: %j', (n, quorums) => {
    const found = [50_000, 100_000, 200_000, 330_000].map(
      (gammaPpm) => cohortParameters({ ...base, n, gammaPpm }).quorum,
    );
    expect(found).toEqual(quorums);
  });

  it('is so large that two quorums share more than the corrupt clients', () => {
    for (let n = 3; n <= 200; n++) {
      for (const gammaPpm of [0, 50_000, 100_000, 330_000]) {
        const { quorum, corrupt } = cohortParameters({ ...base, n, gammaPpm, deltaPpm: 0 });
        expect(2 * quorum - n).toBeGreaterThan(corrupt);
      }
    }
  });
});

describe('a cohort is refused', () => {
  const refusal = (change: Partial<CohortAssumptions>): Refusal => {
    try {
      cohortParameters({ ...base, ...change });
    } catch (error) {
      if (error instanceof Refusal) return error;
    }
    throw new Error('The cohort was not refused.');
  };

  it('when corrupt fraction and twice the dropout reach one, and the remedy says what to relax', () => {
    const { code, remedy } = refusal({ gammaPpm: 330_000, deltaPpm: 335_000 });
    expect(code).toBe('secagg.infeasible');
    expect(remedy).toContain('at most 33 may be lost');
  });

  it.each<Partial<CohortAssumptions>>([
    { n: 2 },
    { n: 40_000 },
    { n: 10.5 },
    { gammaPpm: -1 },
    { gammaPpm: 0.1 },
    { minimumCorrupt: -1 },
    { minimumCorrupt: 101 },
    { minimumCorrupt: 0.5 },
    { deltaPpm: 1_000_000 },
    { sigma: 0 },
    { sigma: Number.NaN },
    { grindBits: 200 },
    { graphMode: 'ring-server', profile: 'M' },
  ])('with %j', (change) => {
    expect(refusal(change).code).toBe('secagg.infeasible');
  });
});
