import type { RandomSource } from '@tutti/shared/crypto';
import { drawGridNoise } from '../noise.js';
import { NoiseRing, type RingMemory } from './ring.js';

/** Fills the ring with one vector after the other, for ever: the thread ends when it is ended, or when `random` throws. */
export function drawAhead(memory: RingMemory, random: RandomSource): never {
  const ring = new NoiseRing(memory);
  const drawn = new Float64Array(ring.length);
  for (;;) {
    ring.put((vector) => {
      drawGridNoise(drawn, random);
      vector.set(drawn);
      drawn.fill(0);
    });
  }
}
