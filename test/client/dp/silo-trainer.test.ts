import { beforeAll, describe, expect, it } from 'vitest';
import { epsilonOf } from '@tutti/shared/privacy';
import type { TrainingSettings } from '@tutti/client/training';
import {
  createSiloTrainer,
  type SiloOptions,
  type StepCount,
} from '../../../packages/client/src/dp/index.js';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { seededRandom } from '../../support/seeded-random.js';
import { clusters } from '../training/support/models.js';

beforeAll(async () => {
  await requireBackend('wasm');
});

const examples = clusters(60, 4, 3);
const settings = { epochs: 2, batchSize: 16, learningRate: 0.5 };
const never = () => {
  throw new Error('A private batch is not drawn from what a job hands in.');
};

/** Remembers every number that it was told to keep. */
function count(start = 0): StepCount & { readonly written: number[] } {
  let steps = start;
  const written: number[] = [];
  return {
    written,
    read: () => Promise.resolve(steps),
    write: (number) => {
      written.push(number);
      steps = number;
      return Promise.resolve();
    },
  };
}

function silo(more: Partial<SiloOptions> = {}) {
  return createSiloTrainer({
    model: (tf) =>
      tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3, kernelInitializer: 'zeros' })] }),
    noiseMultiplier: 1,
    maxGradNorm: 1,
    samplingRate: 0.2,
    expectedBatch: 12,
    epsilon: 8,
    delta: 1e-3,
    steps: count(),
    random: seededRandom('silo'),
    backend: 'wasm',
    ...more,
  });
}

/** ε of so many steps, by the accountant alone. */
function epsilonOfSteps(steps: number): number {
  const step = { kind: 'gaussian', noiseMultiplier: 1, relation: 'add-or-remove', unit: 'example' } as const;
  return epsilonOf(
    { kind: 'repeated', count: steps, event: { kind: 'poisson-sampled', rate: 0.2, event: step } },
    { delta: 1e-3, accountant: 'pld' },
  );
}

describe('a silo that protects each of its examples', () => {
  it('learns, and spends over the rounds what the accountant says', async () => {
    const steps = count();
    const trainer = await silo({ steps, noiseMultiplier: 1 });
    let weights = trainer.initialWeights();
    expect(await trainer.epsilon()).toBe(0);
    for (let round = 1; round <= 3; round++) {
      weights = await trainer.train(weights, examples, settings, never);
      // A little more than what was drawn is accounted for: rounding to the grid.
      expect((await trainer.epsilon()) / epsilonOfSteps(10 * round)).toBeCloseTo(1, 2);
    }
    expect(steps.written).toEqual([10, 20, 30]);
    expect((await trainer.evaluate(weights, examples)).accuracy).toBeGreaterThan(0.9);
    trainer.dispose();
  });

  it('stops for good at its own limit, before it looks at an example', async () => {
    const steps = count();
    const trainer = await silo({ steps, epsilon: epsilonOfSteps(15) });
    const weights = await trainer.train(trainer.initialWeights(), examples, settings, never);
    const untouched = new Proxy(examples, {
      get: () => {
        throw new Error('An example was read.');
      },
    });
    await expect(trainer.train(weights, untouched, settings, never)).rejects.toMatchObject({
      code: 'dp.exhausted',
    });
    expect(steps.written).toEqual([10]);
    trainer.dispose();
  });

  it('goes on from what was kept when it was opened anew', async () => {
    const trainer = await silo({ steps: count(10), epsilon: epsilonOfSteps(15) });
    await expect(trainer.train(trainer.initialWeights(), examples, settings, never)).rejects.toMatchObject({
      code: 'dp.exhausted',
    });
    trainer.dispose();
  });

  it('has paid when a training is broken off, or fails', async () => {
    const steps = count();
    const trainer = await silo({ steps });
    const start = trainer.initialWeights();
    const abort = new AbortController();
    const broken = trainer.train(start, examples, settings, never, {
      signal: abort.signal,
      progress: () => abort.abort(new Error('enough')),
    });
    await expect(broken).rejects.toThrow('enough');
    expect(steps.written).toEqual([10]);
    const wrong = { ...examples, count: 7 };
    await expect(trainer.train(start, wrong, settings, never)).rejects.toMatchObject({
      code: 'training.examples',
    });
    expect(steps.written).toEqual([10, 20]);
    trainer.dispose();
  });

  it('does not train when the payment cannot be kept', async () => {
    const steps = { ...count(), write: () => Promise.reject(new Error('disk full')) };
    const trainer = await silo({ steps });
    await expect(trainer.train(trainer.initialWeights(), examples, settings, never)).rejects.toThrow(
      'disk full',
    );
    trainer.dispose();
  });

  it('adds noise even where it has nothing to train on: an empty silo looks like any other', async () => {
    const trainer = await silo();
    const none = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 };
    const weights = await trainer.train(trainer.initialWeights(), none, settings, never);
    expect(weights.every((weight) => Number.isFinite(weight) && weight !== 0)).toBe(true);
    trainer.dispose();
  });

  it.each<Partial<TrainingSettings>>([
    { proximal: 1 },
    { weightDecay: 0.1 },
    { classWeights: [1, 1, 1] },
    { earlyStop: { patience: 1, improvement: 0 } },
    { maximumGradientNorm: 1 },
  ])('refuses what it would leave undone: %o', async (unused) => {
    const steps = count();
    const trainer = await silo({ steps });
    await expect(
      trainer.train(trainer.initialWeights(), examples, { ...settings, ...unused }, never),
    ).rejects.toMatchObject({ code: 'dp.settings' });
    expect(steps.written).toEqual([]);
    trainer.dispose();
  });

  it.each([{ samplingRate: 0 }, { samplingRate: 1.1 }, { noiseMultiplier: 0 }, { epsilon: 0 }, { delta: 1 }])(
    'is not made with %o',
    async (wrong) => {
      await expect(silo(wrong)).rejects.toMatchObject({ code: 'dp.settings' });
    },
  );
});
