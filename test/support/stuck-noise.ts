import type { RandomSource } from '@tutti/shared/crypto';
import { systemRandom } from '@tutti/shared/crypto/primitives';

/**
 * A generator that breaks once a round has been rounded: from then on it gives zeros, for which every table of noise has a zero. For everything but the encoding of a vector it is the system's.
 */
export function stuckNoise(purpose: string): RandomSource {
  if (!purpose.endsWith('/noise')) return systemRandom;
  let filled = 0;
  return { kind: 'system', fill: (bytes) => (filled++ === 0 ? systemRandom.fill(bytes) : bytes.fill(0)) };
}
