import { epsilonOf, gaussianEpsilon } from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import { connectTheDots } from '../../../../packages/shared/src/privacy/accounting/pld/discretise.js';
import {
  gaussianPair,
  laplacePair,
  mirrored,
  poissonSampledPair,
  type DominatingPair,
} from '../../../../packages/shared/src/privacy/accounting/pld/dominating-pair.js';
import {
  composedDelta,
  composedEpsilon,
} from '../../../../packages/shared/src/privacy/accounting/pld/tight.js';
import { gaussian, laplace, sampled, times } from './event-makers.js';

const pairs: readonly (readonly [string, DominatingPair])[] = [
  ['Gaussian', gaussianPair(0.8)],
  ['Laplace', laplacePair(1.5)],
  ['sampled Gaussian', poissonSampledPair(0.1, gaussianPair(1).above)],
  ['sampled Gaussian, added', mirrored(poissonSampledPair(0.1, gaussianPair(1).above))],
  ['sampled Laplace', poissonSampledPair(0.3, laplacePair(2).above)],
];

describe('connecting the dots', () => {
  test.each(pairs)('keeps the curve at the dots and lies above it between them: %s', (_name, pair) => {
    const step = 0.05;
    const { losses, masses, infinite } = connectTheDots(
      pair,
      Float64Array.from({ length: 801 }, (_, k) => (k - 400) * step),
    );
    const total = masses.reduce((sum, mass) => sum + mass, infinite);
    expect(total).toBeCloseTo(1, 9);
    const discretised = (epsilon: number): number =>
      losses.reduce(
        (sum, loss, k) => sum + (loss > epsilon ? masses[k]! * -Math.expm1(epsilon - loss) : 0),
        infinite,
      );
    for (let epsilon = 0; epsilon < 6; epsilon += step / 2) {
      const shown = discretised(epsilon);
      expect(shown).toBeGreaterThanOrEqual(pair.above(epsilon) - 1e-12);
      expect(shown).toBeLessThanOrEqual(pair.above(epsilon) + 5e-3);
    }
    for (let k = 0; k < 100; k += 7) expect(discretised(k * step)).toBeCloseTo(pair.above(k * step), 10);
  });

  test('errs on the safe side on a grid of any coarseness', () => {
    const exact = gaussianEpsilon(0.3 * Math.sqrt(50), 1e-6);
    for (const count of [5, 20, 100]) {
      const losses = Float64Array.from({ length: 2 * count + 1 }, (_, k) => ((k - count) * 3) / count);
      const { masses, infinite } = connectTheDots(gaussianPair(0.3), losses);
      expect(infinite).toBeLessThan(1e-6);
      // Fifty-fold composition by plain convolution.
      let composed = new Map<number, number>([[0, 1]]);
      for (let use = 0; use < 50; use += 1) {
        const next = new Map<number, number>();
        for (const [at, mass] of composed) {
          if (mass < 1e-18) continue;
          masses.forEach((more, k) => {
            if (more > 1e-18) next.set(at + k - count, (next.get(at + k - count) ?? 0) + mass * more);
          });
        }
        composed = next;
      }
      let delta = 0;
      for (const [at, mass] of composed) delta += mass * Math.max(0, -Math.expm1(exact - (at * 3) / count));
      expect(delta).toBeGreaterThanOrEqual(1e-6 * (1 - 1e-6));
    }
  });
});

describe('the tilted transform', () => {
  test.each([
    [1, 10],
    [0.1, 1000],
    [0.02, 100_000],
    [0.001, 1000],
  ])('finds the exact Gaussian down to delta = 1e-25: distance %d, %i uses', (distance, count) => {
    for (const delta of [0.1, 1e-3, 1e-6, 1e-12, 1e-16, 1e-25]) {
      const exact = gaussianEpsilon(distance * Math.sqrt(count), delta);
      const shown = composedEpsilon([{ pair: gaussianPair(distance), count }], delta);
      expect(shown).toBeGreaterThanOrEqual(exact);
      expect(shown).toBeLessThanOrEqual(exact * (1 + 1e-4));
    }
  });

  test('finds the exact delta as well, however small', () => {
    const uses = [{ pair: gaussianPair(0.1), count: 400 }];
    for (const delta of [1e-2, 1e-7, 1e-15, 1e-24]) {
      const shown = composedDelta(uses, gaussianEpsilon(2, delta));
      expect(shown).toBeGreaterThanOrEqual(delta * (1 - 1e-9));
      expect(shown).toBeLessThanOrEqual(delta * 1.002);
    }
  });

  test('composes unlike parts as their Gaussian', () => {
    const uses = [
      { pair: gaussianPair(0.3), count: 20 },
      { pair: gaussianPair(1), count: 1 },
      { pair: gaussianPair(0.05), count: 300 },
    ];
    for (const delta of [1e-5, 1e-15]) {
      const exact = gaussianEpsilon(Math.sqrt(0.09 * 20 + 1 + 0.0025 * 300), delta);
      const shown = composedEpsilon(uses, delta);
      expect(shown).toBeGreaterThanOrEqual(exact);
      expect(shown).toBeLessThanOrEqual(exact * (1 + 1e-4));
    }
  });

  test('composes pure losses up to their sum and no further', () => {
    const event = times(4, laplace(2));
    expect(epsilonOf(event, { delta: 1e-25, accountant: 'pld' })).toBeLessThanOrEqual(2);
    expect(epsilonOf(event, { delta: 1e-25, accountant: 'pld' })).toBeGreaterThan(1.999);
    expect(epsilonOf(event, { delta: 0, accountant: 'pld' })).toBe(2);
  });
});

describe('both directions', () => {
  const direction = (rate: number, z: number, count: number, delta: number): readonly [number, number] => {
    const pair = poissonSampledPair(rate, gaussianPair(1 / z).above);
    return [
      composedEpsilon([{ pair, count }], delta),
      composedEpsilon([{ pair: mirrored(pair), count }], delta),
    ];
  };

  test.each([
    [0.01, 1, 1000, 1e-5],
    [0.3, 2, 100, 1e-8],
    [0.001, 0.8, 5000, 1e-6],
  ])('q = %d, z = %d, %i steps, delta = %d: the worse one is reported', (rate, z, count, delta) => {
    const [removed, added] = direction(rate, z, count, delta);
    expect(removed).toBeGreaterThan(added);
    expect(added).toBeGreaterThan(0);
    expect(epsilonOf(times(count, sampled(rate, gaussian(z))), { delta, accountant: 'pld' })).toBe(removed);
  });

  test('they meet without sampling', () => {
    const pair = poissonSampledPair(1, gaussianPair(1).above);
    expect(pair.above(0.7)).toBe(pair.below(0.7));
    const [removed, added] = direction(0.999999, 1, 10, 1e-5);
    expect(Math.abs(removed / added - 1)).toBeLessThan(1e-3);
  });
});

describe('hard cases', () => {
  test('tiny rate, many steps: within a per cent of the truth, where the Rényi bound is nine times too large', () => {
    const event = times(1e6, sampled(1e-5, gaussian(0.6)));
    const epsilon = epsilonOf(event, { delta: 1e-6, accountant: 'pld' });
    expect(epsilon).toBeGreaterThan(0.1657);
    expect(epsilon).toBeLessThan(0.1707 * 1.01);
    expect(epsilonOf(event, { delta: 1e-6 })).toBeGreaterThan(9 * epsilon);
  });

  test.each([
    [0.01, 0.2, 100, 1e-5],
    [0.5, 1, 1000, 1e-9],
    [0.9, 0.1, 3, 1e-5],
    [0.2, 50, 7, 1e-15],
    [0.025, 0.268, 7, 1e-4],
    [0.0015, 0.185, 96, 4e-6],
    [0.000_14, 173, 3, 2.7e-11],
    [0.000_02, 0.59, 132, 0.09],
    [0.000_014, 36, 2e4, 5e-18],
  ])(
    'an answer between nothing and the Rényi bound: q = %d, z = %d, %i steps, delta = %d',
    (rate, z, count, delta) => {
      // Not by the accountant, which would answer with the Rényi bound if that were better.
      const pair = poissonSampledPair(rate, gaussianPair(1 / z).above);
      for (const direction of [pair, mirrored(pair)]) {
        const epsilon = composedEpsilon([{ pair: direction, count }], delta);
        expect(epsilon).toBeGreaterThanOrEqual(0);
        const bound = epsilonOf(times(count, sampled(rate, gaussian(z))), { delta });
        expect(epsilon).toBeLessThanOrEqual(bound * 1.0003);
        // With the unit added the losses are bounded, and at the bound delta falls off a cliff.
        if (epsilon === 0 || direction !== pair) continue;
        const back = composedDelta([{ pair: direction, count }], epsilon);
        expect(back).toBeGreaterThan(delta * 0.99);
        expect(back).toBeLessThan(delta * 1.05);
      }
    },
  );

  test('a delta that the total variation is below costs nothing', () => {
    expect(epsilonOf(times(10, sampled(1e-6, gaussian(20))), { delta: 1e-3, accountant: 'pld' })).toBe(0);
    expect(epsilonOf(times(10, gaussian(1)), { delta: 0.9999, accountant: 'pld' })).toBe(0);
    expect(epsilonOf(times(10, gaussian(1)), { delta: 1, accountant: 'pld' })).toBe(0);
  });
});
