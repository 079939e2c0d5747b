import { invert, multiply, reduce, subtract } from './field.js';

/** A polynomial over GF(32771), the constant term first and the last coefficient not zero. Empty for zero. */
export type Polynomial = Float64Array;

/** Drops zero coefficients at the end. */
export function trim(coefficients: Float64Array): Polynomial {
  let length = coefficients.length;
  while (length > 0 && coefficients[length - 1] === 0) length--;
  return coefficients.subarray(0, length);
}

/** The value at `x` (Horner). */
export function evaluatePolynomial(polynomial: Polynomial, x: number): number {
  return polynomial.reduceRight((value, coefficient) => reduce(value * x + coefficient), 0);
}

/** The product of (X - x) over all `xs`. */
export function vanishingPolynomial(xs: readonly number[]): Polynomial {
  const product = new Float64Array(xs.length + 1);
  product[0] = 1;
  xs.forEach((x, degree) => {
    for (let i = degree + 1; i > 0; i--)
      product[i] = subtract(at(product, i - 1), multiply(at(product, i), x));
    product[0] = subtract(0, multiply(at(product, 0), x));
  });
  return product;
}

/** Quotient and remainder of `dividend` by `divisor`, which is not zero. */
export function divide(
  dividend: Polynomial,
  divisor: Polynomial,
): { quotient: Polynomial; remainder: Polynomial } {
  const degree = divisor.length - 1;
  if (dividend.length <= degree) return { quotient: new Float64Array(0), remainder: dividend };
  const remainder = dividend.slice();
  const quotient = new Float64Array(dividend.length - degree);
  const inverse = invert(at(divisor, degree));
  for (let shift = quotient.length - 1; shift >= 0; shift--) {
    const factor = multiply(at(remainder, shift + degree), inverse);
    quotient[shift] = factor;
    if (factor === 0) continue;
    for (let i = 0; i <= degree; i++) {
      remainder[shift + i] = subtract(at(remainder, shift + i), multiply(factor, at(divisor, i)));
    }
  }
  return { quotient, remainder: trim(remainder) };
}

/** a - b * c. */
export function subtractProduct(a: Polynomial, b: Polynomial, c: Polynomial): Polynomial {
  const result = new Float64Array(Math.max(a.length, b.length + c.length));
  result.set(a);
  b.forEach((factor, shift) => {
    for (let i = 0; i < c.length; i++) {
      result[shift + i] = subtract(at(result, shift + i), multiply(factor, at(c, i)));
    }
  });
  return trim(result);
}

/** The coefficient, zero where there is none. */
export function at(polynomial: Float64Array, index: number): number {
  return polynomial[index] ?? 0;
}
