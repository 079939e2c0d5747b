import type { RandomSource } from '@tutti/shared/crypto';
import { addNoise, noiseSampler } from '@tutti/shared/privacy';

/** Standard deviation of one table draw, and how many units of the fine draw one of the coarse draw is. */
const tableDeviation = 1024;
const coarseness = 128;

/**
 * Standard deviation of the noise in units of the grid on which sums are released: 1024 sqrt(128² + 1), about 131,076.
 *
 * Noise on a grid cannot be told apart by the low bits of a floating-point number (Mironov, "On significance of the least significant bits
 * for differential privacy", CCS 2012). It is a coarse discrete Gaussian, times 128, plus a fine one of eight times 128: the sum of the two is a discrete Gaussian of the
 * summed variance but for exp(-2 pi² 8²), less than 1e-500 (Micciancio and Peikert, "Hardness of SIS and LWE with small parameters",
 * CRYPTO 2013, Theorem 3.3).
 */
export const gridDeviation = tableDeviation * Math.sqrt(coarseness ** 2 + 1);

const variance = { numerator: BigInt(tableDeviation ** 2), denominator: 1n };

/**
 * Rounds a sum to the grid and adds the noise, in place.
 *
 * @param sum - any finite numbers
 * @param deviation - standard deviation of the noise, in the units of the sum
 */
export function addGaussianNoise(sum: Float64Array, deviation: number, random: RandomSource): void {
  const unit = deviation / gridDeviation;
  const stepsOfOne = gridDeviation / deviation;
  const sampler = noiseSampler('discrete-gaussian', variance);
  // In place, and exact: a whole number of steps over 128 keeps all its bits.
  for (let at = 0; at < sum.length; at++) sum[at] = Math.round((sum[at] as number) * stepsOfOne) / coarseness;
  addNoise(sum, sampler, random);
  for (let at = 0; at < sum.length; at++) sum[at] = coarseness * (sum[at] as number);
  addNoise(sum, sampler, random);
  for (let at = 0; at < sum.length; at++) sum[at] = unit * (sum[at] as number);
}

/** Relative excess over the clip norm that 32-bit arithmetic may leave in one clipped gradient, taken generously. */
const clippingError = 1e-4;

/**
 * The noise multiplier to account with: two sums that differ by the clip norm, and by what its arithmetic adds, differ by at most the square root
 * of the dimension more once they are rounded, in units of the grid. Rounding errors of adding a batch up in 32-bit floats
 * are not in it.
 *
 * @param drawn - deviation of the noise over the clip norm
 */
export function accountedMultiplier(drawn: number, dimension: number): number {
  return 1 / ((1 + clippingError) / drawn + Math.sqrt(dimension) / gridDeviation);
}

/** The inverse of {@link accountedMultiplier}. Infinite where no noise suffices. */
export function drawnMultiplier(accounted: number, dimension: number): number {
  const rest = 1 / accounted - Math.sqrt(dimension) / gridDeviation;
  return rest > 0 ? (1 + clippingError) / rest : Infinity;
}
