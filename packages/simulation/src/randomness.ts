import { createCipheriv, createHash } from 'node:crypto';
import type { RandomSource } from '@tutti/shared/crypto';
import { systemRandom } from '@tutti/shared/crypto/primitives';

/**
 * All randomness of a simulation, by purpose. Every party draws from a stream of its own, named by party, round and
 * attempt, so that the order in which messages arrive cannot change what anybody draws.
 */
export interface Randomness {
  readonly seeded: boolean;
  stream(purpose: string): RandomSource;
}

/** The system's generator for everything that protects somebody; the purposes do not matter. */
export const systemRandomness: Randomness = { seeded: false, stream: () => systemRandom };

/**
 * Streams that whoever knows the seed can recompute, masks and noise included: a run made from them protects nobody, and
 * says so. AES-256-CTR under SHA-256 of seed and purpose.
 */
export function seededRandomness(seed: string): Randomness {
  return {
    seeded: true,
    stream: (purpose) => {
      const key = createHash('sha256').update(`tutti-simulation|${seed}|${purpose}`).digest();
      const cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
      return {
        kind: 'seeded',
        fill: (bytes) => {
          bytes.set(cipher.update(new Uint8Array(bytes.length)));
          return bytes;
        },
      };
    },
  };
}
