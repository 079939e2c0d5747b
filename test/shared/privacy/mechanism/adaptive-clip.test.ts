import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  decode,
  encode,
  nextClipNorm,
  planEncoding,
  releaseEvent,
  updateNoiseMultiplier,
  withinClipFraction,
  type EncodingPlan,
} from '@tutti/shared/privacy';
import { seededRandom } from '../../../support/seeded-random.js';

interface Row {
  readonly id: string;
  readonly params: Record<string, number>;
  readonly expect: Record<string, number>;
}
const { rows } = JSON.parse(
  readFileSync(new URL('../../../vectors/privacy.json', import.meta.url), 'utf8'),
) as {
  rows: Row[];
};
const row = (id: string) => rows.find((candidate) => candidate.id === id)!;

const withoutBit = {
  dimension: 650,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 80,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
};
const options = { ...withoutBit, clipBitDeviation: 2 };
const rotationSeed = new Uint8Array(32);

/** The sum of 40 encodings, of which `within` are of updates within the clip norm. */
function sumWith(plan: EncodingPlan, within: number, seed: string): Uint16Array {
  const sum = new Uint16Array(plan.paddedDimension);
  for (let client = 0; client < 40; client++) {
    const update = new Float64Array(650).fill((client < within ? 0.5 : 3) / Math.sqrt(650));
    const lanes = encode(plan, update, {
      rotationSeed,
      sharers: 40,
      random: seededRandom(`${seed} ${client}`),
      primitives,
    });
    lanes.forEach((residue, index) => (sum[index] = sum[index]! + residue));
  }
  return sum;
}

describe('the clip bit', () => {
  const plan = planEncoding(options);

  it('rides in one more coordinate, inside the same release', () => {
    expect(plan.paddedDimension).toBe(651);
    const amplitude = plan.clipBit!.amplitude;
    expect(plan.l2BoundSquared).toBe(plan.updateBoundSquared + amplitude ** 2);
    expect(plan.noiseVariance).toBeGreaterThanOrEqual(plan.l2BoundSquared);
    expect(releaseEvent(plan, 40)).toMatchObject({ dimension: 651, l2Sensitivity: plan.l2Bound });
  });

  it('has the noise that was asked for on its sum, within the rounding of its amplitude', () => {
    expect(plan.clipBit!.deviation).toBeCloseTo(2, 1);
  });

  it('tells the fraction of clipped updates, with that noise', () => {
    // 30 shares make up V; 40 are in the sum.
    const deviation = (plan.clipBit!.deviation * Math.sqrt(4 / 3)) / 40;
    let total = 0;
    for (let round = 0; round < 30; round++) {
      const fraction = withinClipFraction(plan, sumWith(plan, 26, `bits ${round}`), 40);
      expect(Math.abs(fraction - 26 / 40)).toBeLessThan(4.5 * deviation);
      total += fraction;
    }
    expect(Math.abs(total / 30 - 26 / 40)).toBeLessThan((4 * deviation) / Math.sqrt(30));
  });

  it('leaves the decoded update alone', () => {
    const decoded = decode(plan, sumWith(plan, 40, 'update'), { rotationSeed, primitives });
    expect(decoded.length).toBe(650);
    const mean = decoded.reduce((sum, value) => sum + value, 0) / 650;
    expect(mean).toBeCloseTo((40 * 0.5) / Math.sqrt(650), 0);
  });

  it('is clamped to a fraction, whatever the noise', () => {
    const sum = new Uint16Array(651);
    sum[650] = 2 ** 15 - 1;
    expect(withinClipFraction(plan, sum, 40)).toBe(1);
    sum[650] = 2 ** 15;
    expect(withinClipFraction(plan, sum, 40)).toBe(0);
  });

  it('is refused where its noise could not be had', () => {
    expect(() => planEncoding({ ...options, clipBitDeviation: 0.5 })).toThrow(
      expect.objectContaining({ code: 'privacy.clip-bit' }),
    );
    const none = planEncoding(withoutBit);
    expect(() => withinClipFraction(none, new Uint16Array(650), 40)).toThrow(
      expect.objectContaining({ code: 'privacy.clip-bit' }),
    );
    expect(() => updateNoiseMultiplier(1, 0.5)).toThrow(
      expect.objectContaining({ code: 'privacy.clip-bit' }),
    );
  });
});

describe('adaptive clipping', () => {
  it.each(['S-055', 'S-056'])(
    'splits the noise as the reference does (Andrew et al. 2021, Theorem 1; row %s)',
    (id) => {
      const { params, expect: expected } = row(id);
      expect(updateNoiseMultiplier(params['noise_multiplier']!, params['clipped_count_stddev']!)).toBeCloseTo(
        expected['value_noise_multiplier']!,
        12,
      );
    },
  );

  it('moves the clip norm as the reference does (row S-057)', () => {
    const { params, expect: expected } = row('S-057');
    const { clip, noisy_fraction_below, target_quantile, learning_rate } = params;
    expect(
      nextClipNorm(clip!, noisy_fraction_below!, { target: target_quantile!, learningRate: learning_rate! }),
    ).toBeCloseTo(expected['new_clip']!, 12);
  });

  it('settles at the median of the norms, from far above and from far below', () => {
    for (const start of [0.001, 1000]) {
      let clipNorm = start;
      for (let round = 0; round < 200; round++) {
        // Norms 1, 2, ..., 9: the median is 5.
        const fraction =
          Array.from({ length: 9 }, (_, index) => index + 1).filter((norm) => norm <= clipNorm).length / 9;
        clipNorm = nextClipNorm(clipNorm, fraction);
      }
      expect(clipNorm).toBeGreaterThan(4);
      expect(clipNorm).toBeLessThan(6);
    }
  });
});
