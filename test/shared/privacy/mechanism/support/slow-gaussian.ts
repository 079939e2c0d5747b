import type { RandomWords } from '../../../../../packages/shared/src/privacy/mechanism/random-words.js';
import type { Rational } from '../../../../../packages/shared/src/privacy/mechanism/rational.js';

/**
 * Algorithms 1 to 3 of Canonne, Kamath and Steinke 2020 word for word, in whole fractions, reading the same words in the same order
 * as the fast sampler: the two must agree draw for draw.
 */
export function slowDiscreteGaussian({ numerator, denominator }: Rational, words: RandomWords): number {
  // floor(sigma) + 1, from a guess that is never above it.
  let t = BigInt(Math.floor(Math.sqrt(Number(numerator / denominator)) * (1 - 1e-12))) + 1n;
  while (t * t * denominator <= numerator) t++;
  for (;;) {
    const candidate = laplace(t, words);
    const magnitude = candidate < 0 ? -BigInt(candidate) : BigInt(candidate);
    // (|Y| - sigma^2/t)^2 / (2 sigma^2), over one denominator.
    const difference = magnitude * t * denominator - numerator;
    const dividend = difference * difference * denominator * denominator;
    const divisor = 2n * numerator * denominator * (t * denominator) * (t * denominator);
    if (bernoulliExponential(dividend * denominator, divisor * denominator, words)) return candidate;
  }
}

/** Bernoulli(a / b): digits of 32 bits until they differ from those of a / b. */
function bernoulli(a: bigint, b: bigint, words: RandomWords): boolean {
  for (;;) {
    const digit = BigInt(words.next());
    const digitOfRatio = (a << 32n) / b;
    if (digit < digitOfRatio) return true;
    if (digit > digitOfRatio) return false;
    a = (a << 32n) % b;
    if (a === 0n) return false;
  }
}

/** Bernoulli(exp(-a / b)). */
function bernoulliExponential(a: bigint, b: bigint, words: RandomWords): boolean {
  for (; a >= b; a -= b) if (!exponentialCoin(1, 1, words)) return false;
  let k = 1n;
  while (bernoulli(a, b * k, words)) k++;
  return k % 2n === 1n;
}

/** The same for small whole numbers, by uniform integers: how the fast sampler draws its proposals. */
function exponentialCoin(a: number, b: number, words: RandomWords): boolean {
  let k = 1;
  while (words.below(b * k) < a) k++;
  return k % 2 === 1;
}

function laplace(t: bigint, words: RandomWords): number {
  const scale = Number(t);
  for (;;) {
    const remainder = words.below(scale);
    if (!exponentialCoin(remainder, scale, words)) continue;
    let quotient = 0;
    while (exponentialCoin(1, 1, words)) quotient++;
    const magnitude = remainder + scale * quotient;
    const negative = (words.next() & 1) === 1;
    if (!(negative && magnitude === 0)) return negative ? -magnitude : magnitude;
  }
}
