import {
  epsilonOf,
  bufferedCoefficients,
  factorisationSensitivitySquared,
  squareRootCoefficients,
  treeDepth,
} from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import { repeatedTreeSensitivitySquared } from '../../../../packages/shared/src/privacy/accounting/tree.js';
import { gaussian, times, tree } from './event-makers.js';

/** Every set of rounds in which a unit may take part. */
function patterns(rounds: number, maximum: number, gap: number): readonly (readonly number[])[] {
  const found: number[][] = [[]];
  const extend = (pattern: readonly number[], from: number): void => {
    if (pattern.length === maximum) return;
    for (let t = from; t < rounds; t += 1) {
      found.push([...pattern, t]);
      extend([...pattern, t], t + gap);
    }
  };
  extend([], 0);
  return found;
}

/** The nodes that complete within the rounds, as [first, last + 1]. */
function completeNodes(rounds: number): readonly (readonly [number, number])[] {
  const nodes: [number, number][] = [];
  for (let size = 1; size <= rounds; size *= 2) {
    for (let start = 0; start + size <= rounds; start += size) nodes.push([start, start + size]);
  }
  return nodes;
}

describe('tree sensitivity', () => {
  test.each([1, 2, 3, 5, 7, 8, 11, 13, 16])('is the worst of all patterns over %i rounds', (rounds) => {
    for (const maximum of [1, 2, 3, 5]) {
      for (const gap of [1, 2, 3, 5, 8]) {
        const worst = Math.max(
          ...patterns(rounds, maximum, gap).map((pattern) =>
            completeNodes(rounds).reduce(
              (sum, [start, end]) => sum + pattern.filter((t) => t >= start && t < end).length ** 2,
              0,
            ),
          ),
        );
        expect(repeatedTreeSensitivitySquared(rounds, maximum, gap)).toBe(worst);
      }
    }
  });

  test('of one participation is the depth', () => {
    for (const leaves of [1, 2, 3, 4, 255, 256, 1000]) {
      expect(treeDepth(leaves)).toBe(Math.ceil(Math.log2(leaves + 1)));
      expect(repeatedTreeSensitivitySquared(leaves, 1, 1)).toBe(treeDepth(leaves));
    }
  });

  test('for a long gap is not below that of the same gap in a shorter tree', () => {
    const long = repeatedTreeSensitivitySquared(100_000, 5, 3000);
    expect(long).toBeGreaterThanOrEqual(5 * treeDepth(2 ** 16) - 10);
    expect(long).toBeLessThanOrEqual(repeatedTreeSensitivitySquared(100_000, 5, 500));
  });

  test('falls with the gap and rises with the participations', () => {
    for (let gap = 1; gap < 40; gap += 3) {
      expect(repeatedTreeSensitivitySquared(64, 4, gap)).toBeGreaterThanOrEqual(
        repeatedTreeSensitivitySquared(64, 4, gap + 3),
      );
    }
    for (let maximum = 1; maximum < 6; maximum += 1) {
      expect(repeatedTreeSensitivitySquared(64, maximum + 1, 5)).toBeGreaterThan(
        repeatedTreeSensitivitySquared(64, maximum, 5),
      );
    }
  });

  test('nothing released costs nothing', () => {
    expect(epsilonOf(tree(1, [], { kind: 'once' }), { delta: 1e-5 })).toBe(0);
    expect(epsilonOf(tree(1, [0], { kind: 'repeated', maximum: 3, minimumGap: 1 }), { delta: 1e-5 })).toBe(0);
  });
});

describe('matrix factorisation sensitivity', () => {
  const event = (
    coefficients: readonly number[],
    rounds: number,
    minimumGap: number,
    maximumParticipations: number,
  ) =>
    ({
      kind: 'matrix-factorisation',
      noiseMultiplier: 1,
      coefficients,
      rounds,
      minimumGap,
      maximumParticipations,
      relation: 'zero-out',
      unit: 'client',
    }) as const;

  const worst = (coefficients: readonly number[], rounds: number, gap: number, maximum: number): number =>
    Math.max(
      ...patterns(rounds, maximum, gap).map((pattern) => {
        let sum = 0;
        for (let t = 0; t < rounds; t += 1) {
          // Contributions may point anywhere: the worst signs are those that add up.
          const value = pattern.reduce(
            (total, start) => total + (t >= start ? (coefficients[t - start] ?? 0) : 0),
            0,
          );
          sum += value * value;
        }
        return sum;
      }),
    );

  test.each([
    ['square root', squareRootCoefficients(12)],
    ['square root in bands', squareRootCoefficients(3)],
    ['buffered', bufferedCoefficients([0.3, 0.2], [0.9, 0.4], 12)],
    ['identity', [1]],
    ['prefix sums', Array<number>(12).fill(1)],
  ])('is the worst of all patterns: %s', (_name, coefficients) => {
    for (const rounds of [1, 4, 9, 12]) {
      for (const gap of [1, 2, 4]) {
        for (const maximum of [1, 2, 4]) {
          const shown = factorisationSensitivitySquared(event(coefficients, rounds, gap, maximum));
          expect(shown).toBeCloseTo(worst(coefficients, rounds, gap, maximum), 10);
        }
      }
    }
  });

  test('bounds any coefficients whose bands do not overlap', () => {
    const coefficients = [1, -0.5, 0.8];
    expect(factorisationSensitivitySquared(event(coefficients, 12, 3, 4))).toBeGreaterThanOrEqual(
      worst(coefficients, 12, 3, 4) - 1e-12,
    );
  });

  test('the square root of the prefix sums squares to them', () => {
    const c = squareRootCoefficients(20);
    for (let t = 0; t < 20; t += 1) {
      let sum = 0;
      for (let k = 0; k <= t; k += 1) sum += c[k]! * c[t - k]!;
      expect(sum).toBeCloseTo(1, 12);
    }
  });

  test('of the identity it is the Gaussian mechanism', () => {
    const delta = 1e-6;
    const accountant = 'exact';
    expect(epsilonOf(event([1], 10, 1, 10), { delta, accountant })).toBeCloseTo(
      epsilonOf(times(10, gaussian(1)), { delta, accountant }),
      12,
    );
  });
});
