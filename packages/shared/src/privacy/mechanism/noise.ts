import type { RandomSource } from '../../crypto/random.js';
import { ExactDiscreteGaussian } from './exact-gaussian.js';
import {
  discreteGaussianTable,
  LARGEST_TABLE_DEVIATION,
  type NoiseTable,
  skellamTable,
} from './noise-table.js';
import { RandomWords } from './random-words.js';
import { type Rational, rational } from './rational.js';

/** Law of one client's integer noise. Only Skellam noise sums to its own law exactly. */
export type NoiseLaw = 'discrete-gaussian' | 'skellam';

/** Draws integers of one law and variance. */
export interface NoiseSampler {
  /** `table`: inverse CDF of 128 bits. `exact`: rejection, integers only. */
  readonly method: 'table' | 'exact';
  /** Upper bound on the statistical distance of one draw from the law. 0 for the exact sampler. */
  readonly distance: number;
  sample(words: RandomWords): number;
  /** Adds one draw to each value, in place. */
  addTo(values: Float64Array, words: RandomWords): void;
}

/** Entries that all remembered tables may hold together: some 10 MB. */
const REMEMBERED_ENTRIES = 200_000;

/** Tables by law and variance, the oldest first. A table is a pure function of its key: remembering it changes no result. */
const remembered = new Map<string, NoiseTable>();

function tableOf(law: NoiseLaw, variance: Rational): NoiseTable {
  const key = `${law}|${variance.numerator.toString()}/${variance.denominator.toString()}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const table = law === 'skellam' ? skellamTable(variance) : discreteGaussianTable(variance);
  remembered.set(key, table);
  let entries = 0;
  for (const { length } of remembered.values()) entries += length;
  for (const [oldest, { length }] of remembered) {
    if (entries <= REMEMBERED_ENTRIES || oldest === key) break;
    remembered.delete(oldest);
    entries -= length;
  }
  return table;
}

/**
 * The sampler for one law and variance: the table up to a deviation of 4,096, above it the exact sampler for the discrete Gaussian
 * and a sum of table draws for Skellam (whose sums are Skellam).
 * @param variance - at least 1/4
 * @throws {Refusal} `privacy.table-variance`, `privacy.exact-variance`
 */
export function noiseSampler(law: NoiseLaw, variance: Rational): NoiseSampler {
  const largest = BigInt(LARGEST_TABLE_DEVIATION) ** 2n;
  if (variance.numerator <= largest * variance.denominator) {
    const table = tableOf(law, variance);
    return {
      method: 'table',
      distance: table.distance,
      sample: (words) => table.sample(words),
      addTo: (values, words) => table.addTo(values, words),
    };
  }
  if (law === 'discrete-gaussian') {
    const exact = new ExactDiscreteGaussian(variance);
    return {
      method: 'exact',
      distance: 0,
      sample: (words) => exact.sample(words),
      addTo(values, words) {
        for (let index = 0; index < values.length; index++) {
          values[index] = (values[index] as number) + exact.sample(words);
        }
      },
    };
  }
  const parts = Number(variance.numerator / (largest * variance.denominator)) + 1;
  const table = tableOf(law, rational(variance.numerator, variance.denominator * BigInt(parts)));
  return {
    method: 'table',
    distance: parts * table.distance,
    sample(words) {
      let sum = 0;
      for (let part = 0; part < parts; part++) sum += table.sample(words);
      return sum;
    },
    addTo(values, words) {
      for (let part = 0; part < parts; part++) table.addTo(values, words);
    },
  };
}

/** Adds one independent draw to each value, in place. The words are wiped afterwards. */
export function addNoise(values: Float64Array, sampler: NoiseSampler, random: RandomSource): void {
  const words = new RandomWords(random, sampler.method === 'table' ? values.length + 8 : values.length * 8);
  sampler.addTo(values, words);
  words.wipe();
}
