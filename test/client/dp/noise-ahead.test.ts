import { randomFillSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { inlineNoise, type NoiseSource } from '../../../packages/client/src/dp/noise.js';
import { noiseFor } from '../../../packages/client/src/dp/noise-ahead/index.js';
import { NoiseRing, ringMemory } from '../../../packages/client/src/dp/noise-ahead/ring.js';
import { threadedNoise } from '../../../packages/client/src/dp/noise-ahead/thread.js';
import { makePrivate } from '../../../packages/client/src/dp/make-private.js';
import { PrivateTraining } from '../../../packages/client/src/dp/private-training.js';
import { seededRandom } from '../../support/seeded-random.js';

const length = 1000;
const missing = expect.objectContaining({ code: 'dp.noise-thread' }) as Error;
const builtProgram = pathToFileURL(createRequire(import.meta.url).resolve('@tutti/client/noise-thread'));

const sources: NoiseSource[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(sources.splice(0).map((source) => source.dispose()));
});

async function threaded(parameters: Record<string, string>, patience?: number): Promise<NoiseSource> {
  // A thread starts with a copy of the environment.
  vi.stubEnv('NOISE_PROGRAM', String(new URLSearchParams(parameters)));
  const program = new URL('./support/noise-program.mjs', import.meta.url);
  const source = await threadedNoise(length, program, patience);
  sources.push(source);
  return source;
}

const sumOfStep = (step: number) => Float64Array.from({ length }, (_, at) => Math.sin(at + step));

describe('noise drawn ahead by a thread', () => {
  it('is the noise that is drawn inline from the same seed, step after step', async () => {
    const ahead = await threaded({ seed: 'ahead' });
    const inline = inlineNoise(length, seededRandom('ahead'));
    for (let step = 0; step < 20; step++) {
      const [one, other] = [sumOfStep(step), sumOfStep(step)];
      ahead.addTo(one, 0.5 + step);
      inline.addTo(other, 0.5 + step);
      expect(one).toEqual(other);
      expect(one).not.toEqual(sumOfStep(step));
    }
  });

  it('is fresh from the system in each step and in each thread', async () => {
    const seen = new Set<string>();
    for (let thread = 0; thread < 2; thread++) {
      const source = await threadedNoise(length, builtProgram);
      sources.push(source);
      for (let step = 0; step < 25; step++) {
        const noise = new Float64Array(length);
        source.addTo(noise, 1);
        // Any ten numbers in a row: no part of a vector comes again either.
        for (let at = 0; at + 10 <= length; at += 10) seen.add(noise.subarray(at, at + 10).join());
      }
    }
    expect(seen.size).toBe(2 * 25 * (length / 10));
  });

  it.each([
    ['fails', {}],
    ['ends itself', { exits: '' }],
  ])('is refused where the thread %s, and nothing is added without noise', async (_, how) => {
    // Three vectors take two draws of 1,008 words each.
    const source = await threaded({ seed: 'short', bytes: String(3 * 2 * 1008 * 4), ...how }, 3000);
    for (let step = 0; step < 3; step++) source.addTo(sumOfStep(step), 1);
    for (let more = 0; more < 3; more++) {
      const sum = sumOfStep(0);
      expect(() => source.addTo(sum, 1)).toThrow(missing);
      expect(sum).toEqual(sumOfStep(0));
    }
  });

  it('is refused where there is no such program', async () => {
    const source = await threadedNoise(length, new URL('./absent.mjs', import.meta.url), 500);
    sources.push(source);
    expect(() => source.addTo(sumOfStep(0), 1)).toThrow(missing);
  });

  it('is refused after the end', async () => {
    const source = await threaded({ seed: 'end' });
    source.addTo(sumOfStep(0), 1);
    await source.dispose();
    expect(() => source.addTo(sumOfStep(0), 1)).toThrow(missing);
  });

  it('leaves the model as it was when it does not come, and the step is paid for', async () => {
    const random = seededRandom('dead');
    const training = await makePrivate({
      model: (tf) => tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3 })] }),
      optimizer: (tf) => tf.train.sgd(1),
      data: {
        features: Float32Array.from({ length: 40 }, (_, at) => Math.sin(at)),
        labels: new Int32Array(10),
        count: 10,
      },
      batchSize: 10,
      epochs: 5,
      maxGradNorm: 1,
      noiseMultiplier: 1,
      random,
      backend: 'cpu',
    });
    const noise = await threaded({ seed: 'dead', bytes: '0' }, 5000);
    const settings = { ...settingsOf(training), noise };
    const orphaned = new PrivateTraining((await import('@tensorflow/tfjs')).default, 'cpu', settings);
    const before = orphaned.weights();
    await expect(orphaned.step()).rejects.toThrow(missing);
    expect(orphaned.weights()).toEqual(before);
    expect(orphaned.stepsTaken).toBe(1);
    training.dispose();
  });
});

function settingsOf(training: PrivateTraining) {
  return (training as unknown as { settings: ConstructorParameters<typeof PrivateTraining>[2] }).settings;
}

describe('the ring', () => {
  it('hands every vector on once and overwrites it', () => {
    const memory = ringMemory(4);
    const [maker, user] = [new NoiseRing(memory), new NoiseRing(memory)];
    for (let number = 1; number < 10; number++) {
      maker.put((vector) => vector.fill(number));
      user.take(0, (vector) => expect([...vector]).toEqual([number, number, number, number]));
      expect(new Int32Array(memory.vectors).every((value) => value === 0)).toBe(true);
    }
  });

  it('refuses a vector that is not the one that is due', () => {
    const memory = ringMemory(4);
    const [maker, user] = [new NoiseRing(memory), new NoiseRing(memory)];
    const use = vi.fn();
    maker.put((vector) => vector.fill(7));
    maker.put((vector) => vector.fill(8));
    user.take(0, use);
    user.take(0, use);
    // As if the first had been left lying.
    new Int32Array(memory.states)[0] = 1;
    expect(() => user.take(0, use)).toThrow(missing);
    expect(use).toHaveBeenCalledTimes(2);
  });

  it('overwrites a vector even where its user fails, and everything in the end', () => {
    const memory = ringMemory(4);
    const [maker, user] = [new NoiseRing(memory), new NoiseRing(memory)];
    maker.put((vector) => randomFillSync(vector));
    expect(() =>
      user.take(0, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(new Int32Array(memory.vectors)).toEqual(new Int32Array(8));
    maker.put((vector) => vector.fill(1));
    user.wipe();
    expect(new Int32Array(memory.vectors)).toEqual(new Int32Array(8));
    expect(() => user.take(0, () => undefined)).toThrow(missing);
  });

  it('waits for a vector no longer than it is told', () => {
    const use = vi.fn();
    expect(() => new NoiseRing(ringMemory(4)).take(1, use)).toThrow('has not come within 0.001 seconds');
    expect(use).not.toHaveBeenCalled();
  });
});

describe('noiseFor', () => {
  const kindOf = async (size: number, random = systemRandom) => {
    const source = await noiseFor(size, random);
    sources.push(source);
    return source.constructor.name;
  };

  it('takes a thread for many numbers from the system, and none for few or seeded ones', async () => {
    expect(await kindOf(100_000)).toBe('NoiseThread');
    expect(await kindOf(1000)).not.toBe('NoiseThread');
    expect(await kindOf(100_000, seededRandom(1))).not.toBe('NoiseThread');
  });

  it('takes none where there is no Node', async () => {
    vi.stubGlobal('process', undefined);
    try {
      expect(await kindOf(100_000)).not.toBe('NoiseThread');
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
