import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { randomBytes, uniformStream } from '@tutti/shared/crypto';
import {
  decode,
  encode,
  localVariance,
  noiseSampler,
  planEncoding,
  RandomWords,
  rational,
  type EncodingPlan,
  type NoiseLaw,
  type Residues,
} from '@tutti/shared/privacy';
import { wrapProbability } from '../../../../packages/shared/src/privacy/mechanism/bounds.js';
import { seededRandom } from '../../../support/seeded-random.js';

const plan = planEncoding({
  dimension: 650,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 80,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});
const rotationSeed = new Uint8Array(32).fill(9);
const refusal = (code: string) => expect.objectContaining({ code }) as Error;

function updateOf(dimension: number, seed: string, norm = 1): Float64Array {
  const uniform = uniformStream(seededRandom(`update|${seed}`));
  const values = Float64Array.from({ length: dimension }, () => uniform() - 0.5);
  const length = Math.hypot(...values);
  return values.map((value) => (value / length) * norm);
}

function sumOf(laneBits: number, vectors: readonly Residues[]): Residues {
  const sum = vectors[0]!.slice().fill(0);
  for (const vector of vectors)
    vector.forEach((residue, index) => (sum[index] = (sum[index]! + residue) % 2 ** laneBits));
  return sum;
}

const decoded = (with_: EncodingPlan, sum: Residues) => decode(with_, sum, { rotationSeed, primitives });
const meanSquare = (values: Float64Array) =>
  values.reduce((sum, value) => sum + value * value, 0) / values.length;

describe('encoding one update', () => {
  const update = updateOf(650, 'one', 0.7);
  const encodeWith = (seed: string, values: Float32Array | Float64Array = update) =>
    encode(plan, values, { rotationSeed, sharers: 40, random: seededRandom(seed), primitives });

  it('gives lanes of the planned width and length', () => {
    expect(encodeWith('a')).toBeInstanceOf(Uint16Array);
    expect(encodeWith('a').length).toBe(650);
  });

  it('leaves the update as it was, and takes 32-bit floats too', () => {
    const before = update.slice();
    encodeWith('a');
    expect(update).toEqual(before);
    expect(encodeWith('a', Float32Array.from(update)).length).toBe(650);
  });

  it('depends on its randomness alone', () => {
    expect(encodeWith('a')).toEqual(encodeWith('a'));
    expect(encodeWith('a')).not.toEqual(encodeWith('b'));
  });

  it('without noise is unbiased: the mean of many encodings is the update', () => {
    const runs = 400;
    const total = new Float64Array(650);
    for (let run = 0; run < runs; run++) {
      const lanes = encode(plan, update, {
        rotationSeed,
        sharers: 40,
        random: seededRandom(`unbiased ${run}`),
        primitives,
        noise: false,
      });
      decoded(plan, lanes).forEach((value, index) => (total[index] = total[index]! + value));
    }
    const error = total.map((sum, index) => sum / runs - update[index]!);
    // Rounding has a variance of at most a quarter step squared a coordinate.
    expect(meanSquare(error)).toBeLessThan(0.25 / plan.scale ** 2 / runs);
    const alongUpdate = error.reduce((sum, value, index) => sum + value * update[index]!, 0);
    expect(Math.abs(alongUpdate)).toBeLessThan((4 * 0.5 * 0.7) / plan.scale / Math.sqrt(runs));
  });

  it('of zeros holds the noise alone, and nothing without it', () => {
    const zero = new Float64Array(650);
    const silent = encode(plan, zero, {
      rotationSeed,
      sharers: 40,
      random: seededRandom('z'),
      primitives,
      noise: false,
    });
    expect(silent.every((residue) => residue === 0)).toBe(true);
    expect(encodeWith('z', zero).some((residue) => residue !== 0)).toBe(true);
  });

  it('clips what is longer than the clip norm, and nothing else', () => {
    const lengthOf = (norm: number) => {
      const long = updateOf(650, 'long', norm);
      const lanes = encode(plan, long, {
        rotationSeed,
        sharers: 40,
        random: seededRandom('c'),
        primitives,
        noise: false,
      });
      return Math.hypot(...decoded(plan, lanes));
    };
    const inflated = plan.l2Bound / plan.scale;
    expect(lengthOf(1e6)).toBeLessThanOrEqual(inflated);
    expect(lengthOf(1e6)).toBeGreaterThan(0.99);
    expect(lengthOf(1e200)).toBeLessThanOrEqual(inflated);
    expect(lengthOf(0.5)).toBeCloseTo(0.5, 2);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %d in an update, whatever else is in it', (value) => {
    const poisoned = update.slice();
    poisoned[17] = value;
    expect(() => encodeWith('a', poisoned)).toThrow(refusal('privacy.not-finite'));
  });

  it('refuses an update of another length, another number of sharers, another seed', () => {
    expect(() => encodeWith('a', new Float64Array(649))).toThrow(refusal('privacy.update-length'));
    const random = seededRandom('a');
    expect(() => encode(plan, update, { rotationSeed, sharers: 11, random, primitives })).toThrow(
      refusal('privacy.sharers'),
    );
    expect(() =>
      encode(plan, update, { rotationSeed: new Uint8Array(31), sharers: 40, random, primitives }),
    ).toThrow(refusal('privacy.rotation-seed'));
  });

  it('refuses to send beyond the bound, where a plan states one that no rounding keeps', () => {
    const tampered = { ...plan, updateBoundSquared: 100 };
    expect(() =>
      encode(tampered, update, { rotationSeed, sharers: 40, random: seededRandom('t'), primitives }),
    ).toThrow(refusal('privacy.norm-exceeded'));
  });

  it('says nothing of the update in its refusals', () => {
    const poisoned = update.slice();
    poisoned[3] = NaN;
    try {
      encodeWith('a', poisoned);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain(String(update[0]));
      expect(String(error)).not.toMatch(/0\.\d/);
    }
  });
});

describe.each<NoiseLaw>(['discrete-gaussian', 'skellam'])(
  'the sum of encodings with %s noise',
  (noiseLaw) => {
    const lawful = planEncoding({
      dimension: 650,
      clipNorm: 1,
      noiseMultiplier: 1,
      maximumCohort: 80,
      minimumSharers: 12,
      survivorFraction: 0.8,
      corruptFraction: 0.05,
      noiseLaw,
    });

    it('decodes to the sum of the updates, within the predicted deviation', () => {
      const clients = 30;
      const updates = Array.from({ length: clients }, (_, client) => updateOf(650, `sum ${client}`));
      const rounds = 20;
      let total = 0;
      for (let round = 0; round < rounds; round++) {
        const vectors = updates.map((update, client) =>
          encode(lawful, update, {
            rotationSeed,
            sharers: clients,
            random: seededRandom(`${noiseLaw} ${round} ${client}`),
            primitives,
          }),
        );
        const error = decoded(lawful, sumOf(16, vectors)).map(
          (value, index) => value - updates.reduce((sum, update) => sum + update[index]!, 0),
        );
        total += meanSquare(error);
      }
      // Noise, and a rounding error that is on average a sixth of a squared step a client.
      const predicted = (clients * (localVariance(lawful, clients) + 1 / 6)) / lawful.scale ** 2;
      expect(Math.abs(total / rounds / predicted - 1)).toBeLessThan(4 * Math.sqrt(2 / (650 * rounds)));
    });

    it('holds at least the noise that is accounted for, when the fewest honest clients are left', () => {
      const sharers = 40;
      const honest = Math.ceil(sharers * lawful.honestFraction);
      const zero = new Float64Array(650);
      let total = 0;
      for (let round = 0; round < 20; round++) {
        const vectors = Array.from({ length: honest }, (_, client) =>
          encode(lawful, zero, {
            rotationSeed,
            sharers,
            random: seededRandom(`least ${noiseLaw} ${round} ${client}`),
            primitives,
          }),
        );
        total += meanSquare(decoded(lawful, sumOf(16, vectors)));
      }
      const deviation = Math.sqrt(total / 20) / (lawful.l2Bound / lawful.scale);
      expect(deviation).toBeGreaterThan(1 - 4 / Math.sqrt(2 * 650 * 20));
      expect(deviation).toBeLessThan(1.03);
    });
  },
);

describe('the lane', () => {
  it('holds every bounded update of the largest cohort: all at the peak, in one coordinate', () => {
    const corner = new Uint16Array(650);
    corner[5] = plan.peak;
    const sum = sumOf(16, new Array<Residues>(80).fill(corner));
    const signed = sum[5]!;
    expect(signed).toBe(80 * plan.peak);
    expect(signed).toBeLessThan(2 ** 15);
  });

  it('carries negative coordinates through the sum', () => {
    const down = updateOf(650, 'down').map((value) => -Math.abs(value));
    const vectors = [1, 2, 3].map((client) =>
      encode(plan, down, {
        rotationSeed,
        sharers: 12,
        random: seededRandom(`down ${client}`),
        primitives,
        noise: false,
      }),
    );
    const mean = decoded(plan, sumOf(16, vectors)).reduce((sum, value) => sum + value, 0) / 650;
    expect(mean).toBeCloseTo((3 * down.reduce((sum, value) => sum + value, 0)) / 650, 2);
  });

  it('refuses a sum of another shape', () => {
    expect(() => decoded(plan, new Uint16Array(651))).toThrow(refusal('privacy.sum-shape'));
    expect(() => decoded(plan, new Uint32Array(650))).toThrow(refusal('privacy.sum-shape'));
  });

  it.each<NoiseLaw>(['discrete-gaussian', 'skellam'])(
    'is left by %s noise no more often than stated, and nearly as often',
    (law) => {
      const deviation = 20;
      const sampler = noiseSampler(law, rational(BigInt(deviation ** 2), 4n));
      const words = new RandomWords(seededRandom(`wrap ${law}`), 16_384);
      const draws = 400_000;
      for (const deviations of [2.5, 3, 3.5]) {
        const headroom = Math.round(deviations * deviation);
        let outside = 0;
        for (let draw = 0; draw < draws; draw++) {
          let sum = 0;
          for (let client = 0; client < 4; client++) sum += sampler.sample(words);
          if (Math.abs(sum) > headroom) outside++;
        }
        const stated = wrapProbability(law, headroom, deviation ** 2, 1);
        expect(outside / draws).toBeLessThanOrEqual(stated);
        // The bound 2 exp(-k^2/2) is sqrt(2 pi) k times the Gaussian tail, or a little more.
        expect(outside / draws).toBeGreaterThan(stated / (3 * deviations));
      }
    },
  );

  it('gives as many wrapped coordinates as predicted where it is made too narrow', () => {
    const narrow: EncodingPlan = { ...plan, laneBits: 8, scale: plan.scale / 1e6, noiseVariance: 1200 };
    const zero = new Float64Array(650);
    // 12 shares, of which 9 make up a variance of 1200: the sum has 1600, and a lane of 8 bits ends 3.2 deviations out.
    let wrapped = 0;
    const rounds = 200;
    for (let round = 0; round < rounds; round++) {
      const plain = new Float64Array(650);
      const vectors = Array.from({ length: 12 }, (_, client) => {
        const options = {
          rotationSeed,
          sharers: 12,
          primitives,
          random: seededRandom(`narrow ${round} ${client}`),
        };
        const wide = encode({ ...narrow, laneBits: 32 }, zero, options);
        wide.forEach((residue, index) => (plain[index] = plain[index]! + (residue | 0)));
        return encode(narrow, zero, { ...options, random: seededRandom(`narrow ${round} ${client}`) });
      });
      const sum = Int8Array.from(sumOf(8, vectors));
      sum.forEach((value, index) => (wrapped += value === plain[index] ? 0 : 1));
    }
    const predicted = 650 * rounds * 0.00144; // P(|N(0, 40^2)| > 127.5) = 0.00144
    expect(Math.abs(wrapped - predicted)).toBeLessThan(4 * Math.sqrt(predicted) + 5);
  });
});

describe('fresh randomness', () => {
  it('never repeats between clients, rounds or coordinates', () => {
    const zero = new Float64Array(650);
    const vectors = Array.from({ length: 30 }, (_, client) =>
      encode(plan, zero, {
        rotationSeed: randomBytes(seededRandom('s'), 32),
        sharers: 40,
        random: seededRandom(`fresh ${client}`),
        primitives,
      }),
    );
    const texts = new Set(vectors.map((vector) => vector.join()));
    expect(texts.size).toBe(30);
    // Correlation of any two noise vectors is that of independent ones.
    const signed = vectors.map((vector) => Float64Array.from(new Int16Array(vector.buffer)));
    for (let a = 0; a < 30; a++) {
      for (let b = 0; b < a; b++) {
        const product = signed[a]!.reduce((sum, value, index) => sum + value * signed[b]![index]!, 0);
        expect(Math.abs(product / 650 / localVariance(plan, 40))).toBeLessThan(5 / Math.sqrt(650));
      }
    }
  });
});
