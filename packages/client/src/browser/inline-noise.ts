import type { RandomSource } from '@tutti/shared/crypto';
import { inlineNoise, type NoiseSource } from '../dp/noise.js';

/** Stands in for the noise that a thread draws ahead: pages may not wait for a thread, nor share memory with it unless their server isolates them. */
export function noiseFor(length: number, random: RandomSource): Promise<NoiseSource> {
  return Promise.resolve(inlineNoise(length, random));
}
