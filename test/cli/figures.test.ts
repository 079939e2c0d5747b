import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  count,
  counted,
  deltaFigure,
  duration,
  epsilonFigure,
  percent,
} from '../../packages/cli/src/output/figures.js';

describe('figures', () => {
  it('never show less privacy spent than was', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e4, noNaN: true }), (epsilon) => {
        const shown = Number(epsilonFigure(epsilon));
        expect(shown).toBeGreaterThanOrEqual(epsilon * (1 - 1e-11));
        expect(shown - epsilon).toBeLessThan(0.0101);
      }),
      { seed: 5 },
    );
    expect(deltaFigure(1 / 3000)).toBe('3.4e-4');
    expect(deltaFigure(2e-4)).toBe('2.0e-4');
  });

  it('show an unbounded ε, also one that was stored as JSON', () => {
    expect([Infinity, NaN, null].map(epsilonFigure)).toEqual(['∞', '∞', '∞']);
  });

  it('show durations in the two largest units', () => {
    expect([0, 59.4, 59.6, 65, 3599, 7380].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '1 min 5 s',
      '59 min 59 s',
      '2 h 3 min',
    ]);
  });

  it('show counts and shares', () => {
    expect([percent(0.8844), count(101_770), counted(1, 'round'), counted(2, 'round')]).toEqual([
      '88.4 %',
      '101,770',
      '1 round',
      '2 rounds',
    ]);
  });
});
