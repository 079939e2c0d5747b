import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '@tutti/shared/errors';
import {
  epsilonOf,
  honestShares,
  localVariance,
  localVarianceFraction,
  noiseDistance,
  planEncoding,
  releaseEvent,
  type EncodingOptions,
} from '@tutti/shared/privacy';
import { roundedNormSquared, stated } from '../../../../packages/shared/src/privacy/mechanism/bounds.js';

const digits: EncodingOptions = {
  dimension: 650,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 80,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
};

const refusal = (code: string) => expect.objectContaining({ code }) as Error;

describe('a plan', () => {
  const plan = planEncoding(digits);

  it('for the digits takes 16 bits, no padding, and costs under 0.1% for rounding', () => {
    expect(plan).toMatchObject({ laneBits: 16, paddedDimension: 650, blockLength: 512 });
    expect(plan.roundingInflation).toBeLessThan(1.001);
  });

  it('uses the lane that it has: half as much again would not fit', () => {
    const largest = 80 * plan.peak + 7 * Math.sqrt(plan.noiseVariance / plan.honestFraction);
    expect(largest).toBeGreaterThan(0.9 * 2 ** 15);
    expect(largest).toBeLessThan(2 ** 15);
  });

  it('survives JSON unchanged, since it is what a round is agreed on', () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('takes wide lanes where narrow ones would be coarse, and no more scale than the noise tables take', () => {
    const large = planEncoding({ ...digits, dimension: 1_000_000, maximumCohort: 100 });
    expect(large.laneBits).toBe(32);
    expect(Math.sqrt(localVariance(large, 12))).toBeLessThanOrEqual(4096);
    expect(Math.sqrt(localVariance(large, 12))).toBeGreaterThan(4000);
    expect(large.roundingInflation).toBeLessThan(1.001);
  });

  it('takes narrower lanes when asked to, and says what that costs', () => {
    const narrow = planEncoding({ ...digits, dimension: 1_000_000, maximumCohort: 40, laneBits: 16 });
    expect(narrow.laneBits).toBe(16);
    expect(narrow.roundingInflation).toBeGreaterThan(1.01);
    expect(narrow.noiseVariance).toBeGreaterThanOrEqual(narrow.l2BoundSquared);
  });

  it('refuses lanes in which bounded updates could overflow', () => {
    expect(() => planEncoding({ ...digits, laneBits: 8 })).toThrow(refusal('privacy.overflow'));
    expect(() => planEncoding({ ...digits, maximumCohort: 40_000, laneBits: 16 })).toThrow(
      refusal('privacy.overflow'),
    );
    expect(() => planEncoding({ ...digits, dimension: 2 ** 30, maximumCohort: 1_000_000 })).toThrow(
      refusal('privacy.overflow'),
    );
  });

  it('refuses shares of noise with a deviation under 3', () => {
    expect(() =>
      planEncoding({
        ...digits,
        maximumCohort: 2000,
        minimumSharers: 2000,
        noiseMultiplier: 0.05,
        laneBits: 16,
      }),
    ).toThrow(refusal('privacy.local-deviation'));
  });

  it.each<[string, Partial<EncodingOptions>]>([
    ['dimension', { dimension: 0 }],
    ['dimension', { dimension: 1.5 }],
    ['clipNorm', { clipNorm: 0 }],
    ['clipNorm', { clipNorm: NaN }],
    ['noiseMultiplier', { noiseMultiplier: -1 }],
    ['noiseMultiplier', { noiseMultiplier: Infinity }],
    ['maximumCohort', { maximumCohort: 0 }],
    ['minimumSharers', { minimumSharers: 81 }],
    ['survivorFraction', { survivorFraction: 1.1 }],
    ['corruptFraction', { corruptFraction: 0.8 }],
    ['corruptFraction', { survivorFraction: 0.1, minimumSharers: 3 }],
  ])('refuses a wrong %s', (name, wrong) => {
    try {
      planEncoding({ ...digits, ...wrong });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'privacy.plan-input' });
      expect((error as Refusal).message).toContain(name);
    }
  });

  it('keeps its promises for every combination of options, or is refused', () => {
    let planned = 0;
    fc.assert(
      fc.property(
        fc.record({
          dimension: fc.integer({ min: 1, max: 3_000_000 }),
          clipNorm: fc.double({ min: 0.001, max: 1000, noNaN: true }),
          noiseMultiplier: fc.double({ min: 0.05, max: 50, noNaN: true }),
          maximumCohort: fc.integer({ min: 3, max: 2048 }),
          minimumSharers: fc.integer({ min: 3, max: 40 }),
          survivorFraction: fc.double({ min: 0.6, max: 1, noNaN: true }),
          corruptFraction: fc.double({ min: 0, max: 0.2, noNaN: true }),
          noiseLaw: fc.constantFrom('discrete-gaussian' as const, 'skellam' as const),
          laneBits: fc.constantFrom(undefined, 16 as const, 32 as const),
        }),
        ({ laneBits, ...rest }) => {
          const options = { ...rest, ...(laneBits === undefined ? {} : { laneBits }) };
          let made;
          try {
            made = planEncoding(options);
          } catch (error) {
            expect(error).toBeInstanceOf(Refusal);
            return;
          }
          planned++;
          const limit = 2 ** (made.laneBits - 1) - 1;
          const deviation = Math.sqrt(made.noiseVariance / made.honestFraction);
          expect(options.maximumCohort * made.peak + 7 * deviation).toBeLessThan(limit);
          expect(made.wrapProbability).toBeLessThanOrEqual(2 ** -40 * 1.1);
          expect(localVariance(made, options.maximumCohort)).toBeGreaterThanOrEqual(9);
          expect(Number.isSafeInteger(made.noiseVariance) && Number.isSafeInteger(made.l2BoundSquared)).toBe(
            true,
          );
          expect(made.noiseVariance).toBeGreaterThanOrEqual(
            options.noiseMultiplier ** 2 * made.l2BoundSquared * (1 - 1e-15),
          );
          expect(made.l2Bound).toBeGreaterThanOrEqual(made.scale * options.clipNorm * (1 - 1e-12));
          if (laneBits === undefined) expect(made.roundingInflation).toBeLessThan(1.01);
        },
      ),
      { seed: 4, numRuns: 300 },
    );
    expect(planned).toBeGreaterThan(100);
  });
});

describe('rounding’s inflation', () => {
  it('is that of the reference (google-research/federated, row S-059)', () => {
    const file = new URL('../../../vectors/privacy.json', import.meta.url);
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as {
      rows: { id: string; params: { scale: number; dim: number }; expect: { inflated_l2: number } }[];
    };
    const row = rows.find(({ id }) => id === 'S-059')!;
    const exact = (row.expect.inflated_l2 * row.params.scale) ** 2;
    expect(roundedNormSquared(row.params.scale, row.params.dim)).toBe(Math.floor(exact));
  });

  it('never exceeds what rounding every coordinate up could do', () => {
    expect(roundedNormSquared(10, 1)).toBeLessThanOrEqual(121);
    expect(roundedNormSquared(0, 1)).toBeLessThanOrEqual(1);
  });
});

describe('shares of the noise', () => {
  const plan = planEncoding(digits);

  it('are exact fractions of V: as many as are guaranteed make up V to the last digit', () => {
    for (const sharers of [12, 37, 80]) {
      const { numerator, denominator } = localVarianceFraction(plan, sharers);
      expect(numerator * BigInt(sharers) * BigInt(plan.honestPpm)).toBe(
        BigInt(plan.noiseVariance) * 1_000_000n * denominator,
      );
      expect(localVariance(plan, sharers) * honestShares(plan, sharers)).toBeCloseTo(plan.noiseVariance, 6);
    }
  });

  it('are refused for a number of sharers that the plan is not for', () => {
    for (const sharers of [0, 11, 81, 12.5, NaN]) {
      expect(() => localVariance(plan, sharers)).toThrow(refusal('privacy.sharers'));
      expect(() => releaseEvent(plan, sharers)).toThrow(refusal('privacy.sharers'));
    }
  });

  it('cost the same whatever the number of sharers, and never more than the multiplier asked for', () => {
    const gaussian = epsilonOf(
      { kind: 'gaussian', noiseMultiplier: 1, relation: 'zero-out', unit: 'client' },
      { delta: 1e-5, accountant: 'rdp' },
    );
    for (const sharers of [12, 40, 80]) {
      const epsilon = epsilonOf(releaseEvent(plan, sharers), { delta: 1e-5, accountant: 'rdp' });
      expect(epsilon).toBeLessThanOrEqual(gaussian + 1e-9);
      expect(epsilon).toBeGreaterThan(gaussian * 0.999);
    }
  });

  it('of Skellam noise are an event of their own, with the variance of the whole', () => {
    const skellam = planEncoding({ ...digits, noiseLaw: 'skellam' });
    expect(releaseEvent(skellam, 40)).toMatchObject({ kind: 'skellam', variance: skellam.noiseVariance });
  });

  it('are drawn from tables whose distance is far below any δ', () => {
    expect(noiseDistance(plan, 40)).toBeGreaterThan(0);
    expect(noiseDistance(plan, 40)).toBeLessThan(1e-30);
  });
});

describe('stated probabilities', () => {
  it('are rounded up to two digits', () => {
    expect(stated(2 ** -40)).toBe(9.1e-13);
    expect(stated(1.01e-5)).toBe(1.1e-5);
    expect([stated(0), stated(1), stated(0.999)]).toEqual([0, 1, 1]);
    for (let exponent = -300; exponent < 0; exponent += 7) {
      const value = 1.2345 * 10 ** exponent;
      expect(stated(value)).toBeGreaterThanOrEqual(value);
      expect(stated(value)).toBeLessThan(value * 1.1);
    }
  });
});
