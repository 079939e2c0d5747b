import type { RandomSource } from '@tutti/shared/crypto';
import { addCentralGaussian } from '@tutti/shared/privacy';

/** A gradient clipped to `clipNorm`, with noise of `noiseMultiplier` times that in each coordinate. */
export function addNoise(
  gradient: Float64Array,
  clipNorm: number,
  noiseMultiplier: number,
  random: RandomSource,
): Float64Array {
  const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
  const clipped = gradient.map((value) => value * Math.min(1, clipNorm / norm));
  const terms = { clipNorm, noiseMultiplier, relation: 'zero-out', unit: 'example', random } as const;
  return addCentralGaussian(clipped, terms).values;
}
