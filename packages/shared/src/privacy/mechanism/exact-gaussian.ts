import { Refusal } from '../../errors.js';
import type { RandomWords } from './random-words.js';
import { integerSquareRoot, type Rational } from './rational.js';

const WORD = 1n << 32n;
const FRACTION_BITS = 48n;
const FRACTION_MASK = (1n << FRACTION_BITS) - 1n;

/** Bernoulli(numerator / denominator): the uniform number is drawn a 32-bit digit at a time, until its digits decide. */
function bernoulli(numerator: bigint, denominator: bigint, words: RandomWords): boolean {
  for (let rest = numerator; ;) {
    if (rest <= 0n) return false;
    if (rest >= denominator) return true;
    rest = rest * WORD - BigInt(words.next()) * denominator;
  }
}

/** Bernoulli(exp(-numerator / denominator)) for safe integers, 0 <= numerator <= denominator (Algorithm 1 of the paper). */
function bernoulliExponential(numerator: number, denominator: number, words: RandomWords): boolean {
  let k = 1;
  while (words.below(denominator * k) < numerator) k++;
  return k % 2 === 1;
}

/**
 * The discrete Gaussian, exactly: Canonne, Kamath and Steinke 2020 (arXiv 2004.00010), Algorithms 1 to 3. Integers only, from the
 * words to the noise; sigma^2 is any positive fraction. Some 1.5 proposals a draw.
 */
export class ExactDiscreteGaussian {
  /** Parameter of the discrete Laplace proposals: floor(sigma) + 1. */
  private readonly scale: number;
  private readonly scaleDenominator: bigint;
  private readonly numerator: bigint;
  private readonly divisor: bigint;

  /**
   * @param variance - sigma^2, above 0 and below 2^80
   * @throws {Refusal} `privacy.exact-variance` outside that range
   */
  constructor(variance: Rational) {
    const { numerator, denominator } = variance;
    if (numerator <= 0n || numerator >= denominator << 80n) {
      throw new Refusal(
        'privacy.exact-variance',
        'The variance must be above 0 and below 2^80.',
        'Check the noise multiplier.',
      );
    }
    const scale = integerSquareRoot(numerator / denominator) + 1n;
    this.scale = Number(scale);
    this.numerator = numerator;
    this.scaleDenominator = scale * denominator;
    this.divisor = 2n * numerator * this.scaleDenominator * scale;
  }

  /** One draw, an integer. */
  sample(words: RandomWords): number {
    for (;;) {
      const candidate = this.laplace(words);
      if (this.accepts(Math.abs(candidate), words)) return candidate;
    }
  }

  /** Discrete Laplace, P(k) proportional to exp(-|k| / scale) (Algorithm 2). */
  private laplace(words: RandomWords): number {
    for (;;) {
      const remainder = words.below(this.scale);
      if (!bernoulliExponential(remainder, this.scale, words)) continue;
      let quotient = 0;
      while (bernoulliExponential(1, 1, words)) quotient++;
      const magnitude = remainder + this.scale * quotient;
      const negative = (words.next() & 1) === 1;
      if (negative && magnitude === 0) continue;
      return negative ? -magnitude : magnitude;
    }
  }

  /** Bernoulli(exp(-gamma)) for gamma = (magnitude - sigma^2 / scale)^2 / (2 sigma^2) (Algorithm 3). */
  private accepts(magnitude: number, words: RandomWords): boolean {
    const distance = BigInt(magnitude) * this.scaleDenominator - this.numerator;
    const dividend = distance * distance;
    const gamma = (dividend << FRACTION_BITS) / this.divisor;
    for (let coins = gamma >> FRACTION_BITS; coins > 0n; coins--) {
      if (!bernoulliExponential(1, 1, words)) return false;
    }
    const fraction = Number(gamma & FRACTION_MASK);
    let k = 1;
    while (this.fractionCoin(fraction, k, dividend, words)) k++;
    return k % 2 === 1;
  }

  /**
   * Bernoulli(f / k), where f is the fractional part of gamma and `fraction` its first 48 bits, rounded down. One word
   * decides wherever the 48 bits allow; the exact fraction is consulted where they do not.
   */
  private fractionCoin(fraction: number, k: number, dividend: bigint, words: RandomWords): boolean {
    const digit = words.next();
    if (k <= 16) {
      if ((digit + 1) * k * 65_536 <= fraction) return true;
      if (digit * k * 65_536 >= fraction + 1) return false;
    }
    const denominator = this.divisor * BigInt(k);
    return bernoulli((dividend % this.divisor) * WORD - BigInt(digit) * denominator, denominator, words);
  }
}
