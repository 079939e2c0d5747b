import { describe, expect, it } from 'vitest';
import { noiseSampler, rational, type NoiseLaw } from '@tutti/shared/privacy';
import {
  discreteGaussianTable,
  skellamTable,
  type NoiseTable,
} from '../../../../packages/shared/src/privacy/mechanism/noise-table.js';
import { RandomWords } from '../../../../packages/shared/src/privacy/mechanism/random-words.js';
import { cumulative127, discreteGaussianLaw, scripted, skellamLaw } from './support/exact-laws.js';

/** What the table draws when its uniform 127-bit number is `uniform`. */
function drawAt(table: NoiseTable, uniform: bigint, sign: 0 | 1): number {
  const words = [
    Number(uniform >> 96n) * 2 + sign,
    ...[64n, 32n, 0n].map((shift) => Number((uniform >> shift) & 0xffff_ffffn)),
  ];
  return table.sample(new RandomWords(scripted(words), 4));
}

const LAST = (1n << 127n) - 1n;

const cases: { law: NoiseLaw; numerator: bigint; denominator: bigint }[] = [
  { law: 'discrete-gaussian', numerator: 1n, denominator: 2n },
  { law: 'discrete-gaussian', numerator: 9n, denominator: 1n },
  { law: 'discrete-gaussian', numerator: 213_167n, denominator: 61n },
  { law: 'skellam', numerator: 1n, denominator: 2n },
  { law: 'skellam', numerator: 10n, denominator: 3n },
  { law: 'skellam', numerator: 400n, denominator: 1n },
];

describe.each(cases)(
  'table of $law with variance $numerator/$denominator',
  ({ law, numerator, denominator }) => {
    const variance = rational(numerator, denominator);
    const table = law === 'skellam' ? skellamTable(variance) : discreteGaussianTable(variance);
    const exact = (law === 'skellam' ? skellamLaw : discreteGaussianLaw)(variance, table.length - 1);
    const thresholds = cumulative127(exact);

    it('draws what exact arithmetic says on both sides of every threshold, to the last bits of 128', () => {
      // Two entries may differ from the exact ones by their rounding, so that the test stays three units off.
      for (let magnitude = 0; magnitude < thresholds.length - 1; magnitude++) {
        const threshold = thresholds[magnitude]!;
        if ((thresholds[magnitude + 1] ?? LAST) - threshold < 8n) break;
        expect(drawAt(table, threshold - 3n, 0)).toBe(magnitude);
        expect(drawAt(table, threshold + 3n, 0)).toBe(magnitude + 1);
        expect(drawAt(table, threshold + 3n, 1)).toBe(-(magnitude + 1));
      }
    });

    it('answers the smallest and the largest uniform number', () => {
      expect(Math.abs(drawAt(table, 0n, 0))).toBe(0);
      expect(Math.abs(drawAt(table, LAST, 0))).toBeLessThanOrEqual(table.length - 1);
    });

    it('is as near to its law as it says', () => {
      // Of the 2^-127 a magnitude that it states for rounding, the table uses at most one unit a threshold.
      expect(table.distance).toBeGreaterThanOrEqual(table.length * 2 ** -127);
      expect(table.distance).toBeLessThan(table.length * 2 ** -127 + 1e-42);
    });
  },
);

describe('building tables', () => {
  it('needs a deviation of 0.5 to 4096', () => {
    for (const build of [discreteGaussianTable, skellamTable]) {
      expect(() => build(rational(24n, 100n))).toThrow(
        expect.objectContaining({ code: 'privacy.table-variance' }),
      );
      expect(() => build(rational(4096n * 4096n + 1n, 1n))).toThrow(
        expect.objectContaining({ code: 'privacy.table-variance' }),
      );
    }
  });

  it('covers 14 deviations, and more where Skellam’s tail is heavier', () => {
    expect(discreteGaussianTable(rational(3600n, 1n)).length).toBeGreaterThan(14 * 60);
    expect(skellamTable(rational(1n, 1n)).length).toBeGreaterThan(
      discreteGaussianTable(rational(1n, 1n)).length,
    );
  });

  it('takes the table up to a deviation of 4096 and the exact sampler above', () => {
    expect(noiseSampler('discrete-gaussian', rational(4096n ** 2n, 1n)).method).toBe('table');
    const above = noiseSampler('discrete-gaussian', rational(4096n ** 2n + 1n, 1n));
    expect(above).toMatchObject({ method: 'exact', distance: 0 });
  });

  it('draws wide Skellam noise as a sum of narrower, and counts the distance of each part', () => {
    const variance = 10n * 4096n ** 2n;
    const sampler = noiseSampler('skellam', rational(variance, 1n));
    const part = skellamTable(rational(variance, 11n));
    expect(sampler.method).toBe('table');
    expect(sampler.distance).toBeCloseTo(11 * part.distance, 45);
  });
});
