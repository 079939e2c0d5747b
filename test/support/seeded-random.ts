import { createCipheriv, createHash } from 'node:crypto';
import type { RandomSource } from '@tutti/shared/crypto';

/** A random source that anyone can recompute from its seed. For tests: print the seed when one fails. */
export function seededRandom(seed: number | string): RandomSource {
  const key = createHash('sha256').update(`tutti-test|${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return {
    kind: 'seeded',
    fill(bytes) {
      bytes.set(cipher.update(Buffer.alloc(bytes.length)));
      return bytes;
    },
  };
}
