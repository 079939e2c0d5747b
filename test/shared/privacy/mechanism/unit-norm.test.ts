import { describe, expect, it } from 'vitest';
import { uniformStream } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { decode, encode, l2Norm, planEncoding, releaseEvent, type EncodingPlan } from '@tutti/shared/privacy';
import { seededRandom } from '../../../support/seeded-random.js';

const asOneUnit = {
  dimension: 60,
  clipNorm: 3,
  noiseMultiplier: 1,
  maximumCohort: 20,
  minimumSharers: 10,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
} as const;
const options = { ...asOneUnit, unitNorm: 0.05 } as const;
const rotationSeed = new Uint8Array(32).fill(9);
const refusal = (code: string) => expect.objectContaining({ code }) as Error;

/** The whole numbers that a client encodes, without noise, all its draws being those of a seed. */
function encoded(plan: EncodingPlan, update: Float64Array, seed: string): Int32Array {
  const random = seededRandom(seed);
  const lanes = encode(plan, update, { rotationSeed, sharers: 12, random, primitives, noise: false });
  return Int32Array.from(lanes, (lane) => lane | 0);
}

function vector(seed: string, norm: number): Float64Array {
  const uniform = uniformStream(seededRandom(seed));
  const values = Float64Array.from({ length: options.dimension }, () => uniform() - 0.5);
  const length = l2Norm(values);
  return values.map((value) => (value * norm) / length);
}

describe('a vector that is a sum of units', () => {
  const plan = planEncoding({ ...options, laneBits: 32 });

  it('moves by no more than is counted, whatever it is and whichever unit comes', () => {
    let furthest = 0;
    for (let game = 0; game < 300; game++) {
      // Below, at and far beyond the norm to which the whole is cut, along and across.
      const whole = vector(`whole ${game}`, [0, 0.02, 1, 3, 3.01, 40][game % 6]!);
      const unit =
        game % 2 === 0
          ? vector(`unit ${game}`, 0.05)
          : whole.map((value) => (value * 0.05) / (l2Norm(whole) || 1));
      const withIt = whole.map((value, at) => value + unit[at]!);
      const [a, b] = [encoded(plan, whole, `dither ${game}`), encoded(plan, withIt, `dither ${game}`)];
      const moved = l2Norm(Float64Array.from(a, (value, at) => value - b[at]!));
      furthest = Math.max(furthest, moved / plan.l2Bound);
    }
    expect(furthest).toBeLessThanOrEqual(1);
    // A bound far above would pass as well.
    expect(furthest).toBeGreaterThan(0.98);
  });

  it('is bounded even where the grid is as coarse as a unit', () => {
    const coarse = { ...plan, scale: plan.scale / 3000 };
    const bound = coarse.scale * 0.05 + Math.sqrt(60);
    for (let game = 0; game < 100; game++) {
      const whole = vector(`coarse ${game}`, 2);
      const unit = vector(`unit ${game}`, 0.05);
      const withIt = whole.map((value, at) => value + unit[at]!);
      const [a, b] = [encoded(coarse, whole, `dither ${game}`), encoded(coarse, withIt, `dither ${game}`)];
      expect(l2Norm(Float64Array.from(a, (value, at) => value - b[at]!))).toBeLessThanOrEqual(bound);
    }
  });

  it('is rounded once, without regard to its norm: the mean over dithers is the vector', () => {
    const whole = vector('mean', 2);
    const coarse = { ...plan, scale: 4, peak: 30 };
    const mean = new Float64Array(60);
    for (let draw = 0; draw < 2000; draw++) {
      const random = seededRandom(`mean ${draw}`);
      const lanes = encode(coarse, whole, { rotationSeed, sharers: 12, random, primitives, noise: false });
      decode(coarse, lanes, { rotationSeed, primitives }).forEach(
        (value, at) => (mean[at] = mean[at]! + value / 2000),
      );
    }
    mean.forEach((value, at) => expect(Math.abs(value - whole[at]!)).toBeLessThan(0.02));
  });

  it('protects an example, and says so', () => {
    expect(releaseEvent(plan, 12)).toMatchObject({
      relation: 'add-or-remove',
      unit: 'example',
      l2Sensitivity: plan.l2Bound,
    });
    expect(releaseEvent(planEncoding(asOneUnit), 12)).toMatchObject({
      relation: 'zero-out',
      unit: 'client',
    });
  });

  it.each([
    ['a unit larger than the whole', { unitNorm: 3.1 }],
    ['a unit of nothing', { unitNorm: 0 }],
    ['NaN', { unitNorm: NaN }],
    ['a clip bit, which is one for the whole', { clipBitDeviation: 2 }],
  ])('refuses %s', (_what, changes) => {
    expect(() => planEncoding({ ...options, ...changes })).toThrow(refusal('privacy.plan-input'));
  });
});
