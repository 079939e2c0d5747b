import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { epsilonOf } from '@tutti/shared/privacy';
import {
  makePrivate,
  makePrivateWithEpsilon,
  type PrivateOptions,
} from '../../../packages/client/src/dp/index.js';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { trainableVariables } from '../../../packages/client/src/training/tensorflow/weights.js';
import { loadDataset, type Dataset } from '../../../packages/simulation/src/data/index.js';
import { seededRandom } from '../../support/seeded-random.js';
import { clusters } from '../training/support/models.js';

beforeAll(async () => {
  await requireBackend('wasm');
});

const data = clusters(60, 4, 3);

/** A small job on the clusters. The weights start from zero, so that runs differ by their randomness only. */
function optionsOf(more: Partial<PrivateOptions> = {}): PrivateOptions {
  return {
    model: (library) =>
      library.sequential({
        layers: [library.layers.dense({ inputShape: [4], units: 3, kernelInitializer: 'zeros' })],
      }),
    optimizer: (library) => library.train.sgd(0.5),
    data,
    batchSize: 12,
    epochs: 2,
    maxGradNorm: 1,
    random: seededRandom('dp'),
    ...more,
  };
}

describe('makePrivateWithEpsilon', () => {
  it('spends what was asked for when all epochs are over, and not a step more', async () => {
    const training = await makePrivateWithEpsilon({ ...optionsOf(), targetEpsilon: 2, targetDelta: 1e-3 });
    expect(training.epsilon(1e-3)).toBe(0);
    expect(training.stepsLeft).toBe(10);
    await training.epoch();
    expect(training.stepsTaken).toBe(5);
    const half = training.epsilon(1e-3);
    await training.epoch();
    const spent = training.epsilon(1e-3);
    expect(half).toBeLessThan(spent);
    expect(spent).toBeLessThanOrEqual(2);
    expect(spent).toBeGreaterThan(1.98);
    await expect(training.step()).rejects.toMatchObject({ code: 'dp.exhausted' });
    training.dispose();
  });

  it('states events from which anyone can compute what was spent', async () => {
    const training = await makePrivateWithEpsilon({
      ...optionsOf({ accountant: 'rdp' }),
      targetEpsilon: 4,
      targetDelta: 1e-3,
    });
    expect(training.events).toEqual([]);
    await training.step();
    await training.step();
    expect(training.events).toMatchObject([
      {
        kind: 'repeated',
        count: 2,
        event: { kind: 'poisson-sampled', rate: 0.2, event: { kind: 'gaussian', unit: 'example' } },
      },
    ]);
    expect(epsilonOf(training.events, { delta: 1e-3 })).toBe(training.epsilon(1e-3));
    expect(training.seeded).toBe(true);
    training.dispose();
  });

  it('needs more noise for less epsilon', async () => {
    const noiseFor = async (targetEpsilon: number) => {
      const training = await makePrivateWithEpsilon({ ...optionsOf(), targetEpsilon, targetDelta: 1e-3 });
      training.dispose();
      return training.noiseMultiplier;
    };
    expect(await noiseFor(1)).toBeGreaterThan(await noiseFor(4));
  });

  it('learns real digits within the budget', { timeout: 60_000 }, async () => {
    const job = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
    const digits: Dataset = await loadDataset(job, { inputs: 64, classes: 10 });
    const training = await makePrivateWithEpsilon({
      model: (library) =>
        library.sequential({
          layers: [library.layers.dense({ inputShape: [64], units: 10, kernelInitializer: 'zeros' })],
        }),
      optimizer: (library) => library.train.sgd(1),
      data: digits.train,
      batchSize: 144,
      epochs: 10,
      maxGradNorm: 1,
      targetEpsilon: 3,
      targetDelta: 1e-5,
      random: seededRandom('digits'),
    });
    while (training.stepsLeft > 0) await training.epoch();
    expect(training.epsilon(1e-5)).toBeLessThanOrEqual(3);
    expect((await training.evaluate(digits.heldOut)).accuracy).toBeGreaterThan(0.85);
    training.dispose();
  });
});

describe('makePrivate', () => {
  it('follows the clipped sum over the expected size of a batch when there is next to no noise', async () => {
    const training = await makePrivate({
      ...optionsOf({ batchSize: data.count, physicalBatch: 7 }),
      noiseMultiplier: 1e-7,
    });
    const [x, targets] = [
      tf.tensor2d(data.features, [data.count, 4]),
      tf.oneHot(tf.tensor1d(data.labels, 'int32'), 3) as tf.Tensor2D,
    ];
    const expected = tf.tidy(() => {
      const variables = trainableVariables(training.model);
      const sums = variables.map(({ size }) => new Float64Array(size));
      for (let row = 0; row < data.count; row++) {
        const loss = () =>
          tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(
            targets.slice([row, 0], [1, 3]),
            training.model.apply(x.slice([row, 0], [1, 4])) as tf.Tensor2D,
          );
        const { grads } = tf.variableGrads(loss, variables);
        const gradients = variables.map(({ name }) => grads[name]!.dataSync());
        const norm = Math.hypot(...gradients.flatMap((gradient) => [...gradient]));
        gradients.forEach((gradient, index) =>
          gradient.forEach((value, at) => (sums[index]![at]! += value * Math.min(1, 1 / norm))),
        );
      }
      return sums.flatMap((sum) => [...sum].map((value) => (-0.5 * value) / data.count));
    });
    await training.step();
    training.weights().forEach((weight, at) => expect(weight).toBeCloseTo(expected[at]!, 5));
    training.dispose();
    tf.dispose([x, targets]);
  });

  it('is repeatable from a seeded source', async () => {
    const run = async (seed: string) => {
      const training = await makePrivate({
        ...optionsOf({ random: seededRandom(seed) }),
        noiseMultiplier: 1,
      });
      for (let step = 0; step < 3; step++) await training.step();
      const weights = training.weights();
      training.dispose();
      return weights;
    };
    const first = await run('a');
    expect(await run('a')).toEqual(first);
    expect(await run('b')).not.toEqual(first);
  });

  it('adds noise to an empty batch, and counts it', async () => {
    const training = await makePrivate({
      ...optionsOf({ batchSize: 1e-9, epochs: 1e-9 }),
      noiseMultiplier: 1,
    });
    const before = training.weights();
    await training.step();
    expect(training.stepsTaken).toBe(1);
    const moved = training.weights().filter((weight, at) => weight !== before[at]);
    expect(moved).toHaveLength(15);
    training.dispose();
  });

  it('counts a step that failed', async () => {
    const broken = { ...data, features: data.features.map((value, at) => (at === 0 ? Infinity : value)) };
    const training = await makePrivate({ ...optionsOf({ data: broken, batchSize: 60 }), noiseMultiplier: 1 });
    await expect(training.step()).rejects.toMatchObject({ code: 'dp.not-finite' });
    expect(training.stepsTaken).toBe(1);
    training.dispose();
  });

  it('leaves no tensor behind, over steps and after it is disposed of', async () => {
    const before = tf.memory().numTensors;
    const training = await makePrivate({ ...optionsOf({ epochs: 10 }), noiseMultiplier: 1 });
    await training.step();
    const held = tf.memory().numTensors;
    for (let step = 0; step < 20; step++) {
      await training.step();
      await training.evaluate(data);
    }
    expect(tf.memory().numTensors).toBe(held);
    training.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a model that mixes examples, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const model: PrivateOptions['model'] = (library) =>
      library.sequential({
        layers: [library.layers.dense({ inputShape: [4], units: 3 }), library.layers.batchNormalization()],
      });
    await expect(makePrivate({ ...optionsOf({ model }), noiseMultiplier: 1 })).rejects.toMatchObject({
      code: 'dp.model',
      remedy: 'Use layer normalization.',
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ['no batch', { batchSize: 0 }],
    ['a batch larger than the data', { batchSize: 61 }],
    ['no epoch', { epochs: 0 }],
    ['a clip norm of zero', { maxGradNorm: 0 }],
    ['a clip norm without bound', { maxGradNorm: Infinity }],
    ['half a physical batch', { physicalBatch: 0.5 }],
    ['noise that is no number', { noiseMultiplier: NaN }],
    ['no noise', { noiseMultiplier: 0 }],
  ])('refuses %s', async (_, wrong) => {
    await expect(makePrivate({ ...optionsOf(), noiseMultiplier: 1, ...wrong })).rejects.toMatchObject({
      code: 'dp.settings',
    });
  });

  it.each([
    ['an epsilon of zero', { targetEpsilon: 0 }],
    ['a delta of one', { targetDelta: 1 }],
  ])('refuses %s', async (_, wrong) => {
    const target = { targetEpsilon: 1, targetDelta: 1e-3, ...wrong };
    await expect(makePrivateWithEpsilon({ ...optionsOf(), ...target })).rejects.toMatchObject({
      code: 'dp.settings',
    });
  });

  it('refuses rows that do not fit the model', async () => {
    await expect(
      makePrivate({ ...optionsOf({ data: clusters(60, 5, 3) }), noiseMultiplier: 1 }),
    ).rejects.toMatchObject({ code: 'training.examples' });
  });
});

describe('an adaptive clip norm', () => {
  it('follows the norms to their quantile, at the price of a fixed one', async () => {
    const options = { ...optionsOf({ epochs: 30, batchSize: 30 }), noiseMultiplier: 1 };
    const optimizer = (library: typeof tf) => library.train.sgd(1e-6);
    const fixed = await makePrivate({ ...options, optimizer });
    for (const maxGradNorm of [0.01, 100]) {
      const training = await makePrivate({
        ...options,
        optimizer,
        maxGradNorm,
        adaptiveClip: { learningRate: 0.5 },
      });
      while (training.stepsLeft > 0) await training.step();
      // With weights that stay at zero the norms of all examples lie here.
      expect(training.clipNorm).toBeGreaterThan(0.5);
      expect(training.clipNorm).toBeLessThan(3);
      while (fixed.stepsLeft > 0) await fixed.step();
      expect(training.epsilon(1e-5) / fixed.epsilon(1e-5)).toBeCloseTo(1, 3);
      training.dispose();
    }
    fixed.dispose();
  });

  it('is refused where the noise on its count costs more than there is', async () => {
    const adaptiveClip = { deviation: 0.4 };
    await expect(makePrivate({ ...optionsOf(), noiseMultiplier: 1, adaptiveClip })).rejects.toMatchObject({
      code: 'privacy.clip-bit',
    });
  });
});

it('clips layer by layer when asked to, and still bounds the whole', async () => {
  const training = await makePrivate({
    ...optionsOf({ clipping: 'per-layer', epochs: 20 }),
    noiseMultiplier: 0.1,
    model: (library) =>
      library.sequential({
        layers: [
          library.layers.dense({ inputShape: [4], units: 6, activation: 'tanh' }),
          library.layers.dense({ units: 3 }),
        ],
      }),
  });
  while (training.stepsLeft > 0) await training.step();
  expect((await training.evaluate(data)).accuracy).toBeGreaterThan(0.9);
  training.dispose();
});
