import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Examples } from '@tutti/client/training';
import { partition } from '../../../packages/simulation/src/data/index.js';
import { dirichlet } from '../../../packages/simulation/src/data/dirichlet.js';
import { publicGenerator } from '@tutti/client/training';

/** `count` rows without features, their labels going round the classes. */
function labelled(count: number, classes: number): Examples {
  return {
    features: new Float32Array(0),
    labels: Int32Array.from({ length: count }, (_, row) => row % classes),
    count,
  };
}

const even = { labelConcentration: 1, sizeConcentration: 5, seed: 1 };

/** The mean over clients of the share of a client's most frequent class. */
function meanLargestShare(shares: number[][], examples: Examples): number {
  const largest = shares.map((rows) => {
    const counts = new Map<number, number>();
    for (const row of rows) counts.set(examples.labels[row]!, (counts.get(examples.labels[row]!) ?? 0) + 1);
    return Math.max(...counts.values()) / rows.length;
  });
  return largest.reduce((a, b) => a + b) / largest.length;
}

describe('partition', () => {
  it('gives every row to exactly one client and every client at least one, whatever the skew', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0.01, max: 1000, noNaN: true }),
        fc.double({ min: 0.01, max: 1000, noNaN: true }),
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        (clients, more, classes, labelConcentration, sizeConcentration, seed) => {
          const examples = labelled(clients + more, classes);
          const shares = partition(examples, clients, { labelConcentration, sizeConcentration, seed });
          expect(shares).toHaveLength(clients);
          expect(Math.min(...shares.map((rows) => rows.length))).toBeGreaterThan(0);
          expect(shares.flat().sort((a, b) => a - b)).toEqual(
            Array.from({ length: examples.count }, (_, row) => row),
          );
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it('depends on the seed alone', () => {
    const examples = labelled(300, 10);
    expect(partition(examples, 50, even)).toEqual(partition(examples, 50, even));
    expect(partition(examples, 50, { ...even, seed: 2 })).not.toEqual(partition(examples, 50, even));
  });

  it('skews the classes more, the smaller the concentration', () => {
    const examples = labelled(5000, 10);
    const shareAt = (labelConcentration: number) =>
      meanLargestShare(partition(examples, 50, { ...even, labelConcentration }), examples);
    expect(shareAt(0.05)).toBeGreaterThan(0.6);
    // Dirichlet(1) over ten classes: the largest share is H(10) / 10 = 0.29 on average.
    expect(shareAt(1)).toBeGreaterThan(0.25);
    expect(shareAt(1)).toBeLessThan(0.36);
    expect(shareAt(1000)).toBeLessThan(0.18);
  });

  it('skews the sizes more, the smaller the concentration', () => {
    const examples = labelled(5000, 10);
    const largestAt = (sizeConcentration: number) =>
      Math.max(...partition(examples, 50, { ...even, sizeConcentration }).map((rows) => rows.length));
    expect(largestAt(0.1)).toBeGreaterThan(800);
    expect(largestAt(1000)).toBeLessThan(130);
  });

  it('refuses more clients than rows', () => {
    expect(() => partition(labelled(9, 3), 10, even)).toThrow(
      expect.objectContaining({ code: 'data.too-few' }),
    );
  });
});

describe('dirichlet', () => {
  it('has the mean and variance of the distribution', () => {
    const uniform = publicGenerator(3);
    for (const concentration of [0.2, 1, 5]) {
      const draws = Array.from({ length: 20_000 }, () => dirichlet(4, concentration, uniform)[0]!);
      const mean = draws.reduce((a, b) => a + b) / draws.length;
      const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
      const expected = (0.25 * 0.75) / (4 * concentration + 1);
      expect(Math.abs(mean - 0.25)).toBeLessThan(5 * Math.sqrt(expected / draws.length));
      expect(Math.abs(variance / expected - 1)).toBeLessThan(0.05);
    }
  });

  it('sums to one even where single draws underflow', () => {
    const proportions = dirichlet(50, 1e-3, publicGenerator(4));
    expect(proportions.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(proportions.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});
