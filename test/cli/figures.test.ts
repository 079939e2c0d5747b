import { describe, expect, it } from 'vitest';
import { count, counted, duration, percent } from '../../packages/cli/src/output/figures.js';

describe('figures', () => {
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
