import { deltaFigure, epsilonFigure, epsilonText, lowerEpsilonFigure } from '@tutti/shared/privacy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const epsilons = fc.double({ min: 0, max: 1e4, noNaN: true });

describe('figures that are shown', () => {
  it('never show less privacy spent than was', () => {
    fc.assert(
      fc.property(epsilons, (epsilon) => {
        const shown = Number(epsilonFigure(epsilon));
        expect(shown).toBeGreaterThanOrEqual(epsilon * (1 - 1e-11));
        expect(shown - epsilon).toBeLessThan(0.0101);
      }),
      { seed: 5 },
    );
    expect([4, 4.9701, 31.1].map(epsilonFigure)).toEqual(['4.00', '4.98', '31.10']);
  });

  it('never show more than what an attack has proved', () => {
    fc.assert(
      fc.property(epsilons, (epsilon) => {
        const shown = Number(lowerEpsilonFigure(epsilon));
        expect(shown).toBeLessThanOrEqual(epsilon * (1 + 1e-11));
        expect(epsilon - shown).toBeLessThan(0.0101);
      }),
      { seed: 5 },
    );
    expect([0.29, 3.939].map(lowerEpsilonFigure)).toEqual(['0.29', '3.93']);
  });

  it('never show a smaller probability of failure than there is', () => {
    expect([1 / 3000, 2e-4, 9.99e-6, 1].map(deltaFigure)).toEqual(['3.4e-4', '2.0e-4', '1.0e-5', '1.0e+0']);
  });

  it('show an unbounded ε, also one that was stored as JSON', () => {
    expect([Infinity, NaN, null].map(epsilonFigure)).toEqual(['∞', '∞', '∞']);
    expect([Infinity, undefined, null, 0.001].map(epsilonText)).toEqual([
      'no bound',
      'no bound',
      'no bound',
      '0.01',
    ]);
  });
});
