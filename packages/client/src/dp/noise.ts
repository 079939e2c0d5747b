import type { RandomSource } from '@tutti/shared/crypto';
import { addNoise, noiseSampler, type NoiseSampler } from '@tutti/shared/privacy';

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

const sampler = (): NoiseSampler => noiseSampler('discrete-gaussian', variance);

/** Fills `noise` with fresh noise, in units of the grid: whole numbers of deviation {@link gridDeviation}, all below 2^21. */
export function drawGridNoise(noise: Float64Array, random: RandomSource): void {
  noise.fill(0);
  addNoise(noise, sampler(), random);
  for (let at = 0; at < noise.length; at++) noise[at] = coarseness * (noise[at] as number);
  addNoise(noise, sampler(), random);
}

/**
 * Rounds a sum to the grid and adds the noise, in place. All steps but the last are exact: the sums of whole numbers keep all their bits.
 *
 * @param sum - any finite numbers
 * @param noise - of {@link drawGridNoise}, as long as the sum and never used before
 * @param deviation - standard deviation of the noise, in the units of the sum
 */
export function addGridNoise(sum: Float64Array, noise: Float64Array | Int32Array, deviation: number): void {
  const unit = deviation / gridDeviation;
  const stepsOfOne = gridDeviation / deviation;
  for (let at = 0; at < sum.length; at++) {
    // Not Math.round: its branch, which no processor can predict, takes twenty times as long.
    sum[at] = unit * (Math.floor((sum[at] as number) * stepsOfOne + 0.5) + (noise[at] as number));
  }
}

/** Gives the noise of one release after the other. No noise is ever used twice. */
export interface NoiseSource {
  /**
   * Rounds a sum to the grid and adds fresh noise, in place.
   *
   * @param sum - any finite numbers, always as many
   * @param deviation - standard deviation of the noise, in the units of the sum
   */
  addTo(sum: Float64Array, deviation: number): void;
  /** Wipes what was drawn and not used. Nothing can be added afterwards. */
  dispose(): Promise<void>;
}

/** Noise for sums of so many numbers, drawn when it is asked for. */
export function inlineNoise(length: number, random: RandomSource): NoiseSource {
  // Kept from one sum to the next: fresh memory costs as much as drawing.
  const noise = new Float64Array(length);
  return {
    addTo: (sum, deviation) => {
      drawGridNoise(noise, random);
      addGridNoise(sum, noise, deviation);
      noise.fill(0);
    },
    dispose: () => Promise.resolve(),
  };
}

/** Rounds a sum to the grid and adds noise, in place: see {@link NoiseSource}. */
export function addGaussianNoise(sum: Float64Array, deviation: number, random: RandomSource): void {
  inlineNoise(sum.length, random).addTo(sum, deviation);
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
