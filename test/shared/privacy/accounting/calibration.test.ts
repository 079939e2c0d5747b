import {
  calibrateNoiseMultiplier,
  calibrateRounds,
  calibrateSamplingRate,
  epsilonOf,
  planEncoding,
  releaseEvent,
  type PrivacyEvent,
} from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import { ddgauss, gaussian, laplace, sampled, skellam, times, tree } from './event-makers.js';

const training = (z: number, rounds: number, rate: number): PrivacyEvent =>
  times(rounds, sampled(rate, gaussian(z)));
const unreachable = expect.objectContaining({ code: 'privacy.unreachable-target' }) as Error;

describe.each(['rdp', 'pld'] as const)('calibration by %s', (accountant) => {
  const target = { epsilon: 3, delta: 1e-5, accountant } as const;

  test('noise is on the safe side, and a little less of it is not', () => {
    const z = calibrateNoiseMultiplier({ ...target, eventFor: (noise) => training(noise, 1000, 0.01) });
    expect(epsilonOf(training(z, 1000, 0.01), target)).toBeLessThanOrEqual(3);
    expect(epsilonOf(training(z * 0.999, 1000, 0.01), target)).toBeGreaterThan(3);
  });

  test('rounds fit, and one per cent more do not', () => {
    const rounds = calibrateRounds({ ...target, eventFor: (count) => training(1, count, 0.01) });
    expect(epsilonOf(training(1, rounds, 0.01), target)).toBeLessThanOrEqual(3);
    expect(epsilonOf(training(1, Math.ceil(rounds * 1.01), 0.01), target)).toBeGreaterThan(3);
  });

  test('the sampling rate fits, and a little more does not', () => {
    const rate = calibrateSamplingRate({ ...target, eventFor: (q) => training(1, 1000, q) });
    expect(rate).toBeLessThan(1);
    expect(epsilonOf(training(1, 1000, rate), target)).toBeLessThanOrEqual(3);
    expect(epsilonOf(training(1, 1000, rate * 1.001), target)).toBeGreaterThan(3);
  });

  test('the three undo one another', () => {
    const z = calibrateNoiseMultiplier({ ...target, eventFor: (noise) => training(noise, 500, 0.02) });
    const rounds = calibrateRounds({ ...target, eventFor: (count) => training(z, count, 0.02) });
    expect(Math.abs(rounds - 500)).toBeLessThanOrEqual(2);
    const rate = calibrateSamplingRate({ ...target, eventFor: (q) => training(z, 500, q) });
    expect(Math.abs(rate / 0.02 - 1)).toBeLessThan(2e-3);
  });
});

describe('calibration at the ends', () => {
  test('of exact Gaussians inverts the closed form', () => {
    const z = calibrateNoiseMultiplier({
      epsilon: 1,
      delta: 1e-5,
      accountant: 'exact',
      eventFor: (noise) => gaussian(noise),
    });
    // Balle and Wang 2018: the analytic Gaussian mechanism at epsilon = 1, delta = 1e-5.
    expect(z).toBeCloseTo(3.730632, 4);
  });

  test.each<[string, (z: number) => PrivacyEvent]>([
    ['Laplace', (z) => times(10, laplace(z))],
    ['Skellam', (z) => times(10, skellam((z * 1000) ** 2, 1000, 100_000, 10_000))],
    ['tree', (z) => tree(z, [100], { kind: 'once' })],
    [
      'sampled shares',
      (z) => times(50, sampled(0.1, ddgauss((z * 1000) ** 2 / 20, 20, 1000, 100_000, 10_000))),
    ],
  ])('works for %s', (_name, eventFor) => {
    for (const epsilon of [0.1, 2, 40]) {
      const z = calibrateNoiseMultiplier({ epsilon, delta: 1e-6, eventFor });
      expect(epsilonOf(eventFor(z), { delta: 1e-6 })).toBeLessThanOrEqual(epsilon);
      expect(epsilonOf(eventFor(z * 0.9999), { delta: 1e-6 })).toBeGreaterThan(epsilon);
    }
  });

  test('noise that hangs on the whole chain is found through it', () => {
    // The bound grows with the grid, and the grid follows the noise: as when lanes are of fixed width.
    const eventFor = (z: number): PrivacyEvent => {
      const scale = 2 ** 14 / (6 * z);
      const l2 = Math.ceil(Math.sqrt(scale ** 2 + 10_000 / 4 + scale + 50));
      return times(20, ddgauss((z * scale) ** 2 / 10, 10, l2, l2 * 100, 10_000));
    };
    const z = calibrateNoiseMultiplier({ epsilon: 4, delta: 1e-6, eventFor });
    const naive = calibrateNoiseMultiplier({
      epsilon: 4,
      delta: 1e-6,
      eventFor: (noise) => times(20, gaussian(noise)),
    });
    expect(epsilonOf(eventFor(z), { delta: 1e-6 })).toBeLessThanOrEqual(4);
    expect(z).toBeGreaterThan(naive);
  });

  test('no round fits, or all that are asked for do', () => {
    expect(
      calibrateRounds({ epsilon: 1, delta: 1e-6, eventFor: (count) => times(count, gaussian(0.5)) }),
    ).toBe(0);
    expect(
      calibrateRounds({
        epsilon: 1,
        delta: 1e-6,
        eventFor: (count) => times(count, gaussian(1e6)),
        maximum: 1000,
      }),
    ).toBe(1000);
    expect(
      calibrateRounds({
        epsilon: 1,
        delta: 1e-6,
        eventFor: (count) => times(count, gaussian(1)),
        maximum: 0,
      }),
    ).toBe(0);
  });

  test('no sampling is needed where the noise is enough by itself', () => {
    expect(calibrateSamplingRate({ epsilon: 5, delta: 1e-5, eventFor: (q) => training(3, 1, q) })).toBe(1);
  });

  test('what no noise can reach is refused', () => {
    const eventFor = (z: number): PrivacyEvent => gaussian(z);
    expect(() => calibrateNoiseMultiplier({ epsilon: 1, delta: 0, eventFor })).toThrow(unreachable);
    expect(() => calibrateNoiseMultiplier({ epsilon: 0, delta: 1e-5, eventFor })).toThrow(unreachable);
    expect(() => calibrateNoiseMultiplier({ epsilon: NaN, delta: 1e-5, eventFor })).toThrow(unreachable);
    expect(() => calibrateSamplingRate({ epsilon: 1, delta: 0, eventFor: (q) => training(1, 5, q) })).toThrow(
      unreachable,
    );
  });
});

test('noise for a target goes through the whole encoding: lanes, scale and rounded bound', () => {
  const cohort = {
    dimension: 5000,
    clipNorm: 1,
    maximumCohort: 60,
    minimumSharers: 30,
    survivorFraction: 0.8,
    corruptFraction: 0.05,
  };
  const plan = (noiseMultiplier: number) => planEncoding({ ...cohort, noiseMultiplier });
  const eventFor = (z: number): PrivacyEvent => times(40, sampled(0.1, releaseEvent(plan(z), 40)));
  const target = { epsilon: 4, delta: 1e-5 };
  const z = calibrateNoiseMultiplier({ ...target, eventFor });
  expect(epsilonOf(eventFor(z), target)).toBeLessThanOrEqual(4);
  expect(epsilonOf(eventFor(z * 0.99), target)).toBeGreaterThan(4);
});
