import { describe, expect, it } from 'vitest';
import {
  accountedMultiplier,
  addGaussianNoise,
  drawnMultiplier,
  gridDeviation,
} from '../../../packages/client/src/dp/noise.js';
import { seededRandom } from '../../support/seeded-random.js';

describe('addGaussianNoise', () => {
  it('adds Gaussian noise of the deviation asked for', () => {
    const count = 200_000;
    const noise = new Float64Array(count);
    addGaussianNoise(noise, 2.5, seededRandom('noise'));
    const scaled = noise.map((value) => value / 2.5).sort();
    const mean = scaled.reduce((a, b) => a + b) / count;
    const variance = scaled.reduce((sum, value) => sum + value * value, 0) / count;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
    // Quantiles of the standard normal.
    for (const [probability, quantile] of [
      [0.5, 0],
      [0.8413447, 1],
      [0.9772499, 2],
      [0.9986501, 3],
    ] as const) {
      const below = scaled.findIndex((value) => value > quantile) / count;
      const spread = Math.sqrt((probability * (1 - probability)) / count);
      expect(Math.abs(below - probability)).toBeLessThan(4 * spread);
    }
  });

  it('adds it to the sum, leaving every coordinate on the grid', () => {
    const unit = 0.1 / gridDeviation;
    const sum = Float64Array.from({ length: 1000 }, (_, at) => at);
    addGaussianNoise(sum, 0.1, seededRandom('grid'));
    sum.forEach((value, at) => {
      expect(Math.abs(value - at)).toBeLessThan(0.6);
      expect(Math.abs(value / unit - Math.round(value / unit))).toBeLessThan(1e-4);
    });
    // All low bits occur: the grid is not that of the coarse draw.
    const residues = new Set(Array.from(sum, (value) => Math.round(value / unit) & 127));
    expect(residues.size).toBe(128);
  });

  it('is repeatable from a seeded source, and fresh with each call', () => {
    const draw = (random: ReturnType<typeof seededRandom>) => {
      const values = new Float64Array(10);
      addGaussianNoise(values, 1, random);
      return values;
    };
    const random = seededRandom(1);
    const first = draw(random);
    expect(draw(seededRandom(1))).toEqual(first);
    expect(draw(random)).not.toEqual(first);
  });
});

describe('the accounted noise multiplier', () => {
  it('is a little below the one drawn, more so the larger the model', () => {
    const small = accountedMultiplier(1, 100);
    const large = accountedMultiplier(1, 1_000_000);
    expect(small).toBeLessThan(1);
    expect(small).toBeGreaterThan(0.9995);
    expect(large).toBeLessThan(small);
    expect(large).toBeGreaterThan(0.99);
  });

  it('is the inverse of the drawn one', () => {
    expect(accountedMultiplier(drawnMultiplier(1.3, 1000), 1000)).toBeCloseTo(1.3, 12);
    expect(drawnMultiplier(200, 1e6)).toBe(Infinity);
  });
});
