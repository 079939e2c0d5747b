import { describe, expect, it } from 'vitest';
import {
  checkRounded,
  roundWithinBound,
  squaredNorm,
} from '../../../../packages/shared/src/privacy/mechanism/round.js';
import { roundedNormSquared } from '../../../../packages/shared/src/privacy/mechanism/bounds.js';
import { seededRandom } from '../../../support/seeded-random.js';

const refusal = expect.objectContaining({ code: 'privacy.norm-exceeded' }) as Error;

describe('the client’s check of its rounded vector', () => {
  const bounds = { scale: 1, peak: 4, updateBoundSquared: 25 };

  it('passes what is within the bound, to the last unit', () => {
    expect(() => checkRounded(bounds, Float64Array.of(3, -4))).not.toThrow();
    expect(() => checkRounded(bounds, Float64Array.of(0, 0))).not.toThrow();
  });

  it.each([
    ['one unit beyond the norm', [3, 4, 1]],
    ['a coordinate beyond the peak', [5, 0]],
    ['a fraction', [0.5, 0]],
    ['NaN', [NaN, 0]],
    ['infinity', [Infinity, 0]],
  ])('refuses %s', (_what, values) => {
    expect(() => checkRounded(bounds, Float64Array.from(values))).toThrow(refusal);
  });
});

describe('conditional rounding', () => {
  const dimension = 1000;
  const scale = 40;
  const values = Float64Array.from(
    { length: dimension },
    (_, index) => Math.sin(index + 1) / Math.sqrt(dimension / 2),
  );
  const bounds = {
    scale,
    peak: 10,
    updateBoundSquared: roundedNormSquared(scale * Math.sqrt(squaredNorm(values)), dimension),
  };

  it('rounds each coordinate to a neighbour on the grid', () => {
    const rounded = roundWithinBound(bounds, values, seededRandom('neighbours'));
    rounded.forEach((integer, index) => expect(Math.abs(integer - values[index]! * scale)).toBeLessThan(1));
  });

  it('keeps whole numbers as they are', () => {
    const whole = Float64Array.of(3, -2, 0, 7);
    const exact = { scale: 1, peak: 7, updateBoundSquared: 62 };
    expect(roundWithinBound(exact, whole, seededRandom('whole'))).toEqual(whole);
  });

  it('draws again until the norm is within the bound, also where one draw in three is', () => {
    // The median of the rounded norm, nearly: about half of the plain roundings are beyond it.
    const expected = values.reduce((sum, value) => {
      const scaled = value * scale;
      const fraction = scaled - Math.floor(scaled);
      return sum + scaled ** 2 + fraction * (1 - fraction);
    }, 0);
    const tight = { ...bounds, updateBoundSquared: Math.floor(expected) };
    for (let run = 0; run < 50; run++) {
      const rounded = roundWithinBound(tight, values, seededRandom(`again ${run}`));
      expect(squaredNorm(rounded)).toBeLessThanOrEqual(tight.updateBoundSquared);
    }
  });

  it('shrinks a little what no rounding brings within the bound, and still keeps it', () => {
    const long = values.map((value) => value * 1.04);
    const rounded = roundWithinBound(
      { ...bounds, updateBoundSquared: 1650 + 100 },
      long,
      seededRandom('shrink'),
    );
    expect(squaredNorm(rounded)).toBeLessThanOrEqual(1750);
    const along =
      rounded.reduce((sum, integer, index) => sum + integer * values[index]!, 0) /
      scale /
      squaredNorm(values);
    expect(along).toBeGreaterThan(0.9);
  });

  it('gives up, and refuses, where the bound cannot be kept at all', () => {
    expect(() =>
      roundWithinBound({ ...bounds, updateBoundSquared: 10 }, values, seededRandom('never')),
    ).toThrow(refusal);
  });

  it('clamps to the peak', () => {
    const spike = new Float64Array(4);
    spike[2] = -5;
    expect(
      roundWithinBound({ scale: 10, peak: 20, updateBoundSquared: 2500 }, spike, seededRandom('p'))[2],
    ).toBe(-20);
  });
});
