import { describe, expect, it } from 'vitest';
import { addCentralGaussian, epsilonOf } from '@tutti/shared/privacy';
import { seededRandom } from '../../../support/seeded-random.js';
import { moments } from './support/exact-laws.js';

const options = { clipNorm: 0.5, noiseMultiplier: 3, relation: 'add-or-remove', unit: 'client' } as const;

describe('central Gaussian noise', () => {
  it('has the deviation that was asked for and no bias', () => {
    const values = new Float64Array(50_000).fill(2.25);
    const { values: noisy } = addCentralGaussian(values, { ...options, random: seededRandom('central') });
    const { mean, variance, kurtosis } = moments([...noisy]);
    expect(Math.abs(mean - 2.25)).toBeLessThan((4 * 1.5) / Math.sqrt(50_000));
    expect(Math.abs(variance / 2.25 - 1)).toBeLessThan(4 * Math.sqrt(2 / 50_000));
    expect(Math.abs(kurtosis)).toBeLessThan(4 * Math.sqrt(24 / 50_000));
    expect(values[0]).toBe(2.25);
  });

  it('lies on a grid that does not depend on the values: nothing of their low bits is left', () => {
    const step = 1.5 / 2 ** 20;
    const { values } = addCentralGaussian(Float64Array.of(0.1, 1 / 3, Math.PI), {
      ...options,
      random: seededRandom('grid'),
    });
    values.forEach((value) => expect(Number.isInteger(value / step)).toBe(true));
  });

  it('costs what the central Gaussian costs, and a little for the grid', () => {
    const { event } = addCentralGaussian(new Float64Array(1000), {
      ...options,
      random: seededRandom('cost'),
    });
    const gaussian = {
      kind: 'gaussian',
      noiseMultiplier: 3,
      relation: 'add-or-remove',
      unit: 'client',
    } as const;
    const [ours, ideal] = [event, gaussian].map((each) =>
      epsilonOf(each, { delta: 1e-6, accountant: 'rdp' }),
    );
    expect(ours).toBeGreaterThan(ideal!);
    expect(ours! / ideal!).toBeLessThan(1.0002);
  });

  it('refuses values that are not finite or drown the grid, and noise that is none', () => {
    const random = seededRandom('refused');
    for (const value of [NaN, Infinity, 1e12]) {
      expect(() => addCentralGaussian(Float64Array.of(value), { ...options, random })).toThrow(
        expect.objectContaining({ code: 'privacy.not-finite' }),
      );
    }
    for (const wrong of [
      { noiseMultiplier: 0 },
      { clipNorm: 0 },
      { noiseMultiplier: NaN },
      { clipNorm: Infinity },
    ]) {
      expect(() => addCentralGaussian(Float64Array.of(1), { ...options, ...wrong, random })).toThrow(
        expect.objectContaining({ code: 'privacy.plan-input' }),
      );
    }
  });
});
