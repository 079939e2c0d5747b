import type { Worker } from 'node:worker_threads';
import { addGridNoise, type NoiseSource } from '../noise.js';
import { NoiseRing, noiseMissing, ringMemory } from './ring.js';

/** Milliseconds after which a thread that gives no noise is taken for dead. Drawing a million numbers takes some 15. */
const PATIENCE = 30_000;

/**
 * Noise for sums of so many numbers, drawn by a thread while TensorFlow.js computes: it does not depend on the data. It is the noise that would be drawn inline, from the
 * operating system's generator; a vector waits in memory that only the two threads see, is used once, and is overwritten.
 *
 * Where the thread dies, {@link NoiseSource.addTo} throws TuttiError `dp.noise-thread` and adds nothing.
 *
 * @param program - the built `program.js`, unless a test says otherwise
 * @param patience - milliseconds to wait for a vector
 */
export async function threadedNoise(
  length: number,
  program: URL,
  patience: number = PATIENCE,
): Promise<NoiseSource> {
  // Late, so that pages can load what imports this.
  const { Worker } = await import('node:worker_threads');
  const memory = ringMemory(length);
  return new NoiseThread(
    new Worker(program, { workerData: memory, execArgv: [] }),
    new NoiseRing(memory),
    patience,
  );
}

class NoiseThread implements NoiseSource {
  private lost: Error | undefined;

  constructor(
    private readonly worker: Worker,
    private readonly ring: NoiseRing,
    private readonly patience: number,
  ) {
    worker
      .on('error', (cause) => (this.lost ??= noiseMissing('failed', cause)))
      .on('exit', () => (this.lost ??= noiseMissing('has ended')))
      // It keeps no process alive.
      .unref();
  }

  addTo(sum: Float64Array, deviation: number): void {
    if (this.lost !== undefined) throw this.lost;
    try {
      this.ring.take(this.patience, (noise) => addGridNoise(sum, noise, deviation));
    } catch (error) {
      // What did not come in time must not be waited for again.
      this.lost = error as Error;
      throw error;
    }
  }

  async dispose(): Promise<void> {
    this.lost ??= noiseMissing('was ended with its training');
    await this.worker.terminate();
    this.ring.wipe();
  }
}
