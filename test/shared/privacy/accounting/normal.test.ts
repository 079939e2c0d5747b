import { describe, expect, test } from 'vitest';
import {
  logNormalCdf,
  millsRatio,
  normalCdf,
} from '../../../../packages/shared/src/privacy/accounting/normal.js';

/** The integral of e^(-t^2/2 - x t) over t > 0, which is the Mills ratio, by the trapezoid rule in ln t. */
function slowMillsRatio(x: number): number {
  let sum = 0;
  const step = 1 / 512;
  for (let u = -40; u < 4; u += step) {
    const t = Math.exp(u);
    sum += t * Math.exp((-t * t) / 2 - x * t);
  }
  return sum * step;
}

describe('the standard normal distribution', () => {
  test.each([0, 0.05, 0.3, 0.62, 1, 1.125, 1.9, 3, 4.6, 8.1, 12.4, 15.99, 16.01, 25, 60])(
    'has the Mills ratio of its integral at %s',
    (x) => {
      expect(Math.abs(millsRatio(x) / slowMillsRatio(x) - 1)).toBeLessThan(2e-14);
    },
  );

  test('has the tails of published tables', () => {
    // Abramowitz and Stegun 1964, table 26.1 and 26.2: Q(1), Q(2), Q(5), and -log10 Q at 10, 20 and 50.
    expect(normalCdf(-1)).toBeCloseTo(0.158655253931457, 14);
    expect(normalCdf(-2)).toBeCloseTo(0.022750131948179, 14);
    expect(normalCdf(5) + normalCdf(-5)).toBe(1);
    expect(-logNormalCdf(-10) / Math.LN10).toBeCloseTo(23.11805, 5);
    expect(-logNormalCdf(-20) / Math.LN10).toBeCloseTo(88.5601, 5);
    expect(-logNormalCdf(-50) / Math.LN10).toBeCloseTo(544.96634, 5);
  });

  test('is complementary: Phi(x) + Phi(-x) = 1', () => {
    for (let x = 0; x < 6; x += 0.07) {
      expect(Math.exp(logNormalCdf(x)) + Math.exp(logNormalCdf(-x))).toBeCloseTo(1, 14);
    }
  });

  test('rises without a step where two expansions meet', () => {
    for (let x = 0; x <= 17; x += 0.125) {
      expect(millsRatio(x - 1e-9 < 0 ? 0 : x - 1e-9)).toBeGreaterThanOrEqual(millsRatio(x + 1e-9));
    }
  });
});
