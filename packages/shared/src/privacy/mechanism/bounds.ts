import { gaussianTail, skellamTail } from './noise-table.js';
import type { NoiseLaw } from './noise.js';

/** No protocol failure that is left to chance may be likelier than this in a round. */
export const FAILURE_PROBABILITY = 2 ** -40;

/**
 * Squared L2 bound of a clipped, scaled vector after conditional rounding (Kairouz, Liu, Steinke 2021, Theorem 1 eq. 2, with
 * beta = exp(-1/2)): a whole number, so that the check against it is exact.
 * @param scaledClip - clip norm times scale
 */
export function roundedNormSquared(scaledClip: number, dimension: number): number {
  const root = Math.sqrt(dimension);
  const always = (scaledClip + root) ** 2;
  const conditional = scaledClip ** 2 + dimension / 4 + scaledClip + root / 2;
  return Math.floor(Math.min(always, conditional));
}

/**
 * Squared L2 bound on the difference of two vectors that are rounded by the same dither: each coordinate moves by less than one beyond what it moved before. A whole number.
 * @param scaledNorm - L2 norm of their difference before rounding, in steps of the grid
 */
export function ditheredNormSquared(scaledNorm: number, dimension: number): number {
  return Math.ceil((scaledNorm + Math.sqrt(dimension)) ** 2);
}

/** L1 bound of an integer vector with this L2 bound: |v| <= v^2 for integers, and Cauchy-Schwarz. */
export function integerL1Bound(l2Bound: number, dimension: number): number {
  return l2Bound * Math.min(Math.sqrt(dimension), l2Bound);
}

/** The k for which `events` sub-Gaussian tails `2 exp(-k^2 / 2)` sum to {@link FAILURE_PROBABILITY}. */
export function deviationsFor(events: number): number {
  return Math.sqrt(2 * Math.log((2 * events) / FAILURE_PROBABILITY));
}

/** Rounded up to two digits: engines may differ in the last bits of `exp`, and a plan must be the same everywhere. */
export function stated(probability: number): number {
  if (probability === 0 || probability >= 1) return probability;
  const unit = 10 ** (Math.floor(Math.log10(probability)) - 1);
  return Math.min(1, Number((Math.ceil(probability / unit) * unit).toPrecision(2)));
}

/** Upper bound on P(|noise| > headroom) in any of `coordinates`, for a sum of clients' noise of this total variance. */
export function wrapProbability(
  law: NoiseLaw | 'none',
  headroom: number,
  variance: number,
  coordinates: number,
): number {
  if (law === 'none') return headroom < 0 ? 1 : 0;
  const tail = law === 'skellam' ? skellamTail : gaussianTail;
  return headroom < 0 ? 1 : Math.min(1, coordinates * tail(headroom + 1, variance));
}
