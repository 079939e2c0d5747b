/**
 * The standard normal distribution with relative accuracy near 1e-15 deep into both tails, which the privacy loss
 * distributions need: their answers live where the density is 1e-25.
 *
 * Everything rests on the Mills ratio M(x) = (1 - Phi(x)) / phi(x). It solves M' = x M - 1, so the Taylor series around
 * any node follows from its value there.
 */

export const LOG_SQRT_TWO_PI = 0.5 * Math.log(2 * Math.PI);

const NODE_SPACING = 0.25;
const LAST_NODE = 16;
const TERMS = 14;

/**
 * Laplace's continued fraction M(x) = 1/(x + u), u = 1/(x + 2/(x + 3/(x + ...))), from the innermost of `depth` levels
 * outwards. Its derivative x M - 1 = -u/(x + u) comes out of it without the cancellation.
 */
function millsByContinuedFraction(x: number, depth: number): readonly [ratio: number, derivative: number] {
  let tail = x;
  for (let k = depth; k >= 2; k -= 1) tail = x + k / tail;
  const u = 1 / tail;
  return [1 / (x + u), -u / (x + u)];
}

/** M(x) = 1/(2 phi(x)) - sum of x^(2n+1)/(2n+1)!!, for 0 <= x <= 1, where little cancels. */
function millsBySeries(x: number): number {
  let term = x;
  let sum = 0;
  for (let n = 1; term > 1e-18 * sum; n += 1) {
    sum += term;
    term *= (x * x) / (2 * n + 1);
  }
  return Math.exp(0.5 * x * x + LOG_SQRT_TWO_PI) / 2 - sum;
}

function taylorCoefficients(): Float64Array {
  const nodes = LAST_NODE / NODE_SPACING + 1;
  const table = new Float64Array(nodes * TERMS);
  for (let node = 0; node < nodes; node += 1) {
    const x = node * NODE_SPACING;
    let before: number;
    let current: number;
    if (x <= 1) {
      before = millsBySeries(x);
      current = x * before - 1;
    } else {
      [before, current] = millsByContinuedFraction(x, 400);
    }
    table[node * TERMS] = before;
    table[node * TERMS + 1] = current;
    for (let n = 1; n + 1 < TERMS; n += 1) {
      const next = (x * current + before) / (n + 1);
      table[node * TERMS + n + 1] = next;
      before = current;
      current = next;
    }
  }
  return table;
}

const TABLE = taylorCoefficients();

/** The Mills ratio (1 - Phi(x)) / phi(x), for x >= 0. */
export function millsRatio(x: number): number {
  if (x >= LAST_NODE) return millsByContinuedFraction(x, 12)[0];
  const node = Math.round(x / NODE_SPACING);
  const offset = x - node * NODE_SPACING;
  const start = node * TERMS;
  let value = 0;
  // Inside the table by construction.
  for (let n = TERMS - 1; n >= 0; n -= 1) value = value * offset + (TABLE[start + n] ?? 0);
  return value;
}

/** Below this difference two Mills ratios are so close that their difference is better taken from the derivatives. */
const CLOSE = 0.1;

/** M(x) - M(x + distance), for x >= 0 and distance > 0, without the cancellation when they are close. */
export function millsDifference(x: number, distance: number): number {
  if (distance >= CLOSE) return millsRatio(x) - millsRatio(x + distance);
  if (x >= LAST_NODE) return -distance * millsByContinuedFraction(x, 12)[1];
  const node = Math.round(x / NODE_SPACING);
  const near = x - node * NODE_SPACING;
  const far = near + distance;
  const start = node * TERMS;
  // Horner's scheme for the divided difference of the Taylor polynomial.
  let value = 0;
  let divided = 0;
  for (let n = TERMS - 1; n >= 1; n -= 1) {
    value = value * near + (TABLE[start + n] ?? 0);
    divided = divided * far + value;
  }
  return -distance * divided;
}

/** ln Phi(x): the logarithm of the standard normal distribution function. */
export function logNormalCdf(x: number): number {
  if (x > 0) return Math.log1p(-Math.exp(-0.5 * x * x - LOG_SQRT_TWO_PI) * millsRatio(x));
  return -0.5 * x * x - LOG_SQRT_TWO_PI + Math.log(millsRatio(-x));
}

/** Phi(x): the standard normal distribution function. */
export function normalCdf(x: number): number {
  const tail = Math.exp(-0.5 * x * x - LOG_SQRT_TWO_PI) * millsRatio(Math.abs(x));
  return x > 0 ? 1 - tail : tail;
}
