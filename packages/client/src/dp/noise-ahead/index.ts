import type { RandomSource } from '@tutti/shared/crypto';
import { inlineNoise, type NoiseSource } from '../noise.js';
import { threadedNoise } from './thread.js';

/** Numbers from which on drawing them takes longer than looking after a thread. */
const WORTH_A_THREAD = 20_000;

/**
 * The noise of a training, for sums of so many numbers: by a thread of its own where that is faster and possible, else inline. What is seeded is drawn inline: the
 * source itself is asked, in an order that can be recomputed.
 */
export async function noiseFor(length: number, random: RandomSource): Promise<NoiseSource> {
  if (length < WORTH_A_THREAD || random.kind !== 'system' || !isNode()) return inlineNoise(length, random);
  const { createRequire } = await import('node:module');
  const { pathToFileURL } = await import('node:url');
  const program = createRequire(import.meta.url).resolve('@tutti/client/noise-thread');
  return threadedNoise(length, pathToFileURL(program));
}

/** Pages may not wait for a thread, nor share memory with it unless their server isolates them. */
function isNode(): boolean {
  return typeof process === 'object' && 'node' in process.versions;
}
