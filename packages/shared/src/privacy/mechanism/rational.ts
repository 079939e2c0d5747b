import { Refusal } from '../../errors.js';

/** An exact non-negative fraction in lowest terms. Variances are fractions, so that table, event and statement agree. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/**
 * The fraction in lowest terms.
 * @throws {Refusal} `privacy.rational` where the numerator is negative or the denominator is not positive.
 */
export function rational(numerator: bigint, denominator: bigint): Rational {
  if (numerator < 0n || denominator <= 0n) {
    throw new Refusal(
      'privacy.rational',
      'A variance is a fraction of whole numbers, not negative.',
      'Check the plan.',
    );
  }
  const divisor = greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The double nearest to the fraction, within one part in 2^52. */
export function toNumber({ numerator, denominator }: Rational): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (numerator <= limit && denominator <= limit) return Number(numerator) / Number(denominator);
  const shift = BigInt(Math.max(0, denominator.toString(2).length - numerator.toString(2).length + 64));
  return Number((numerator << shift) / denominator) / 2 ** Number(shift);
}

/** The largest integer whose square is at most `value`. */
export function integerSquareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
