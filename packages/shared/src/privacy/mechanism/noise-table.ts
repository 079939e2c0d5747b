import { Refusal } from '../../errors.js';
import type { RandomWords } from './random-words.js';
import { type Rational, rational, toNumber } from './rational.js';

/** The largest standard deviation that a table is built for: larger ones take megabytes and milliseconds for no gain. */
export const LARGEST_TABLE_DEVIATION = 4096;

/** Bits of a table entry. A draw takes one more bit for the sign: 128 in all. */
const ENTRY_BITS = 127n;
/** Fractional bits of the arithmetic that makes the entries. */
const WORKING_BITS = 256n;
/** Fractional bits of the reciprocal of the weights' sum, which has some 270 bits. */
const RECIPROCAL_BITS = 448n;
/**
 * Magnitudes beyond this many deviations of a Gaussian are left out: 2 exp(-14^2 / 2) = 5e-43 of the mass, less than what rounding
 * the entries moves.
 */
const CUT_DEVIATIONS = 14;
const GUIDE_BITS = 12;
const QUICK_BITS = 16;
/** In the quick table: the range has a threshold in it. Magnitudes stay below: 14 deviations of 4,096, and a quarter more for Skellam. */
const UNDECIDED = 0xffff;
const LARGEST_WORD = 0x7fff_ffff;

/**
 * Inverse-CDF table of a symmetric integer law. One 32-bit word decides nearly every draw: its lowest bit is the sign, the
 * rest the first 31 bits of a uniform 127-bit number; the other 96 bits are drawn only where the first 31 tie with an entry.
 */
export class NoiseTable {
  /** The first 31 bits of each threshold. */
  private readonly first: Int32Array;
  /** Smallest magnitude that the words of each of 2^12 equal ranges can mean. */
  private readonly guide: Int32Array;
  /** The magnitude that all words of each of 2^16 equal ranges mean, where they mean the same: 19 of 20 draws end here. */
  private readonly quick: Uint16Array;
  /** P(|X| <= m) as 127-bit fixed point. */
  private readonly thresholds: readonly bigint[];

  /** Magnitudes 0 to `length` - 1 can be drawn. */
  readonly length: number;

  /**
   * Upper bound on the statistical distance of one draw from the law that the table stands for: the mass cut off, and
   * 2^-127 a magnitude for rounding entries down (which covers the arithmetic, done with 256 bits).
   */
  readonly distance: number;

  /**
   * @param weights - proportional to P(X = m) for m = 0, 1, ...; P(X = -m) is the same
   * @param cut - upper bound on P(|X| >= weights.length)
   */
  constructor(weights: readonly bigint[], cut: number) {
    const total = weights.reduce(
      (sum, weight, magnitude) => sum + (magnitude === 0 ? weight : weight << 1n),
      0n,
    );
    const reciprocal = (1n << (ENTRY_BITS + RECIPROCAL_BITS)) / total;
    let cumulative = 0n;
    this.length = weights.length;
    this.thresholds = weights.map((weight, magnitude) => {
      cumulative += magnitude === 0 ? weight : weight << 1n;
      return magnitude === weights.length - 1
        ? 1n << ENTRY_BITS
        : (cumulative * reciprocal) >> RECIPROCAL_BITS;
    });
    this.first = Int32Array.from(this.thresholds, (threshold) =>
      Math.min(LARGEST_WORD, Number(threshold >> (ENTRY_BITS - 31n))),
    );
    this.guide = new Int32Array(1 << GUIDE_BITS);
    let magnitude = 0;
    for (let range = 0; range < this.guide.length; range++) {
      while (this.at(magnitude) < range << (31 - GUIDE_BITS)) magnitude++;
      this.guide[range] = magnitude;
    }
    this.quick = new Uint16Array(1 << QUICK_BITS);
    magnitude = 0;
    for (let range = 0; range < this.quick.length; range++) {
      const lowest = range << (31 - QUICK_BITS);
      const highest = lowest + (1 << (31 - QUICK_BITS)) - 1;
      while (this.at(magnitude) < lowest) magnitude++;
      this.quick[range] = this.at(magnitude) > highest && magnitude < UNDECIDED ? magnitude : UNDECIDED;
    }
    this.distance = cut + weights.length * 2 ** -127;
  }

  private at(magnitude: number): number {
    return this.first[magnitude] ?? LARGEST_WORD;
  }

  /** One draw. */
  sample(words: RandomWords): number {
    return this.draw(words.next(), words);
  }

  /** Adds one draw to each value, in place: twice as fast as drawing one by one. */
  addTo(values: Float64Array, words: RandomWords): void {
    // A tie must not refill the block that is being read.
    const { aside } = words;
    for (let done = 0; done < values.length;) {
      const block = words.take(values.length - done);
      for (let at = 0; at < block.length; at++) {
        values[done + at] = (values[done + at] as number) + this.draw(block[at] as number, aside);
      }
      done += block.length;
    }
  }

  private draw(word: number, words: RandomWords): number {
    const uniform = word >>> 1;
    const quick = this.quick[uniform >>> (31 - QUICK_BITS)] as number;
    const magnitude = quick === UNDECIDED ? this.search(uniform, words) : quick;
    // The sign without a branch, which no processor could predict: -m is ~m + 1.
    const sign = word & 1;
    return (magnitude ^ -sign) + sign;
  }

  private search(uniform: number, words: RandomWords): number {
    const first = this.first;
    // The guide has an entry for every range, and the last threshold is above every word: neither read is undefined.
    let magnitude = this.guide[uniform >>> (31 - GUIDE_BITS)] as number;
    while ((first[magnitude] as number) < uniform) magnitude++;
    return first[magnitude] === uniform ? this.resolve(magnitude, uniform, words) : magnitude;
  }

  /** Draws the other 96 bits and compares whole entries. */
  private resolve(magnitude: number, uniform: number, words: RandomWords): number {
    let whole = BigInt(uniform);
    for (let word = 0; word < 3; word++) whole = (whole << 32n) | BigInt(words.next());
    while ((this.thresholds[magnitude] ?? 1n << ENTRY_BITS) <= whole) magnitude++;
    return magnitude;
  }
}

/** exp(-x) with `WORKING_BITS` fractional bits, for 0 <= x <= 2, by its series: off by less than 100 units of the last place. */
function exponentialOfMinus({ numerator, denominator }: Rational): bigint {
  const one = 1n << WORKING_BITS;
  let sum = one;
  let term = one;
  for (let k = 1n; term !== 0n; k++) {
    term = (term * numerator) / (denominator * k);
    sum += k % 2n === 1n ? -term : term;
  }
  return sum;
}

/**
 * Table of the discrete Gaussian, P(k) proportional to exp(-k^2 / (2 variance)) (Canonne, Kamath, Steinke 2020, Definition 1).
 * Built from integers only.
 * @param variance - parameter sigma^2 of the law: 1/4 to 4096^2
 * @throws {Refusal} `privacy.table-variance` outside that range
 */
export function discreteGaussianTable(variance: Rational): NoiseTable {
  const deviation = checkedDeviation(variance);
  const largest = Math.ceil(CUT_DEVIATIONS * deviation) + 1;
  const weights: bigint[] = [];
  // w(m+1) = w(m) r(m), where r(m) = exp(-(2m+1) / (2 variance)) and r(m+1) = r(m) r(0)^2.
  let weight = 1n << WORKING_BITS;
  let ratio = exponentialOfMinus(rational(variance.denominator, 2n * variance.numerator));
  const step = (ratio * ratio) >> WORKING_BITS;
  for (let magnitude = 0; magnitude <= largest; magnitude++) {
    weights.push(weight);
    weight = (weight * ratio) >> WORKING_BITS;
    ratio = (ratio * step) >> WORKING_BITS;
  }
  return new NoiseTable(weights, gaussianTail(largest, deviation ** 2));
}

/**
 * Table of the Skellam law, the difference of two Poisson variables of mean variance/2: P(k) = exp(-variance) I_k(variance).
 * The modified Bessel functions come from their recurrence run downwards (Miller), in integers only.
 * @param variance - 1/4 to 4096^2
 * @throws {Refusal} `privacy.table-variance` outside that range
 */
export function skellamTable(variance: Rational): NoiseTable {
  const deviation = checkedDeviation(variance);
  let largest = Math.ceil(CUT_DEVIATIONS * deviation) + 1;
  const cut = 2 * Math.exp(-(CUT_DEVIATIONS ** 2) / 2);
  while (skellamTail(largest, deviation ** 2) > cut) largest += Math.ceil(deviation / 8);
  const weights = new Array<bigint>(largest + 1);
  // Started this far out, what the zero above it gets wrong has died away, by more than 2^-500, where the table begins.
  const start = 2 * largest + 64;
  let above = 0n;
  let value = 1n << 200n;
  for (let order = start; order > 0; order--) {
    if (order <= largest) weights[order] = value;
    [value, above] = [
      above + (value * 2n * BigInt(order) * variance.denominator) / variance.numerator,
      value,
    ];
  }
  weights[0] = value;
  // Scaled so that the constructor's fixed-point reciprocal keeps all its bits.
  const excess = BigInt(value.toString(2).length) - WORKING_BITS;
  const scaled = excess > 0n ? weights.map((weight) => weight >> excess) : weights;
  return new NoiseTable(scaled, skellamTail(largest, deviation ** 2));
}

function checkedDeviation(variance: Rational): number {
  const value = toNumber(variance);
  if (!(value >= 0.25 && value <= LARGEST_TABLE_DEVIATION ** 2)) {
    throw new Refusal(
      'privacy.table-variance',
      `A noise table is built for deviations of 0.5 to ${LARGEST_TABLE_DEVIATION}, not for variance ${value}.`,
      'Plan the encoding with a smaller scale, or draw from the exact sampler.',
    );
  }
  return Math.sqrt(value);
}

/**
 * Upper bound on P(|X| >= t) for a sum of discrete Gaussians of this total variance: each is sub-Gaussian with its own
 * parameter (Canonne, Kamath, Steinke 2020, Lemma on sub-Gaussianity), so the sum is too.
 */
export function gaussianTail(t: number, variance: number): number {
  return Math.min(1, 2 * Math.exp(-(t * t) / (2 * variance)));
}

/** Upper bound on P(|X| >= t) for the Skellam law of this variance (Chernoff). */
export function skellamTail(t: number, variance: number): number {
  return Math.min(
    1,
    2 * Math.exp((t * t) / (Math.hypot(variance, t) + variance) - t * Math.asinh(t / variance)),
  );
}
