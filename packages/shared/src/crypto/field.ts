/** p = 32771, the smallest prime above 2^15: a field in which 15-bit limbs and up to 32770 holders find room. */
export const PRIME = 32771;

/*
 * Elements are doubles holding integers in [0, p). Products stay below 2^31, so 2^22 of them can be added exactly before
 * one reduction. Reduction is by multiplication: the time of an integer division can depend on its operands, and limbs
 * are secret.
 */
const INVERSE_PRIME = 1 / PRIME;

/**
 * `value` modulo p, for integers in [0, 2^53).
 *
 * The quotient is exact without correction: the double nearest to 1/p lies above it, by less than 1.3e-21, so a multiple
 * of p never falls short of its quotient; and below 2^53 this excess and the rounding of the product add up to less than
 * 1/p, so that no other value reaches the next one.
 */
export function reduce(value: number): number {
  return value - Math.floor(value * INVERSE_PRIME) * PRIME;
}

/** a - b. */
export function subtract(a: number, b: number): number {
  return a < b ? a - b + PRIME : a - b;
}

/** a * b. */
export function multiply(a: number, b: number): number {
  return reduce(a * b);
}

/** 1 / a, by Fermat: a^(p-2). Zero has no inverse and gives 0. */
export function invert(a: number): number {
  let result = 1;
  let square = a;
  for (let exponent = PRIME - 2; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}
