import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { describeBackends, publicGenerator } from '@tutti/client/training';
import { useBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { assignRoles } from '../../../packages/client/src/training/tensorflow/roles.js';
import { trainableVariables } from '../../../packages/client/src/training/tensorflow/weights.js';
import { clippedSum, type Clipping } from '../../../packages/client/src/dp/clip.js';
import { checkModel } from '../../../packages/client/src/dp/model-check.js';

const reports = await describeBackends();
const available = new Set(reports.filter((report) => report.available).map(({ backend }) => backend));

interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly vocabulary?: number;
  readonly layers: () => tf.layers.Layer[];
  /** Names of dense layers that get an adapter. */
  readonly adapted?: readonly string[];
}

const image = [6, 5, 2];
const sequence = [6, 4];

const cases: readonly Case[] = [
  { name: 'dense', shape: [5], layers: () => [tf.layers.dense({ units: 4, activation: 'relu' })] },
  {
    name: 'dense layers with and without bias and of every activation',
    shape: [5],
    layers: () => [
      tf.layers.dense({ units: 4, activation: 'tanh', useBias: false }),
      tf.layers.dense({ units: 6, activation: 'sigmoid' }),
      tf.layers.dense({ units: 3, activation: 'elu' }),
    ],
  },
  {
    name: 'dense at few positions, by Gram matrices',
    shape: [2, 9],
    layers: () => [tf.layers.dense({ units: 5, activation: 'tanh' })],
  },
  {
    name: 'dense at many positions, by gradients',
    shape: [6, 3],
    layers: () => [tf.layers.dense({ units: 2, activation: 'tanh' })],
  },
  {
    name: 'conv1d',
    shape: sequence,
    layers: () => [tf.layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' })],
  },
  {
    name: 'two conv1d with strides',
    shape: sequence,
    layers: () => [
      tf.layers.conv1d({ filters: 3, kernelSize: 3, activation: 'relu' }),
      tf.layers.conv1d({ filters: 2, kernelSize: 2, strides: 2 }),
    ],
  },
  {
    name: 'conv2d at few positions, by Gram matrices',
    shape: [4, 3, 5],
    layers: () => [tf.layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu' })],
  },
  {
    name: 'conv2d at many positions, by gradients',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 2, kernelSize: [2, 3], padding: 'same', useBias: false })],
  },
  {
    name: 'two conv2d with strides and pooling',
    shape: [8, 9, 1],
    layers: () => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: [1, 2], activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 4, kernelSize: 2, padding: 'same', strides: 2, activation: 'relu' }),
    ],
  },
  {
    name: 'depthwise conv2d',
    shape: image,
    layers: () => [
      tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 3, padding: 'same', activation: 'tanh' }),
      tf.layers.depthwiseConv2d({ kernelSize: 2, strides: 2, useBias: false }),
    ],
  },
  {
    name: 'separable conv2d',
    shape: image,
    layers: () => [
      tf.layers.separableConv2d({
        filters: 4,
        kernelSize: 3,
        depthMultiplier: 2,
        padding: 'same',
        activation: 'tanh',
      }),
      tf.layers.separableConv2d({ filters: 3, kernelSize: [2, 3], strides: [2, 2], useBias: false }),
    ],
  },
  {
    name: 'embedding of repeated tokens',
    shape: [7],
    vocabulary: 4,
    layers: () => [tf.layers.embedding({ inputDim: 4, outputDim: 3 })],
  },
  {
    name: 'layer normalization',
    shape: [3, 5],
    layers: () => [
      tf.layers.dense({ units: 4 }),
      tf.layers.layerNormalization(),
      tf.layers.flatten(),
      tf.layers.layerNormalization(),
    ],
  },
  { name: 'simple RNN', shape: sequence, layers: () => [tf.layers.simpleRNN({ units: 3 })] },
  { name: 'LSTM', shape: sequence, layers: () => [tf.layers.lstm({ units: 3 })] },
  { name: 'GRU', shape: sequence, layers: () => [tf.layers.gru({ units: 3 })] },
  {
    name: 'GRU at few steps, by Gram matrices',
    shape: [2, 9],
    layers: () => [tf.layers.gru({ units: 8, useBias: false, recurrentActivation: 'sigmoid' })],
  },
  {
    name: 'an embedding read by two LSTMs, one of them backwards, without bias',
    shape: [5],
    vocabulary: 4,
    layers: () => [
      tf.layers.embedding({ inputDim: 4, outputDim: 6 }),
      tf.layers.lstm({ units: 5, returnSequences: true, activation: 'softsign' }),
      tf.layers.lstm({ units: 4, goBackwards: true, useBias: false }),
    ],
  },
  {
    name: 'adapters on dense layers, one of them on a sequence',
    shape: sequence,
    adapted: ['wide', 'deep'],
    layers: () => [
      tf.layers.dense({ units: 5, activation: 'tanh', name: 'wide' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4, useBias: false, name: 'deep' }),
    ],
  },
  {
    name: 'a frozen layer',
    shape: [5],
    layers: () => [
      tf.layers.dense({ units: 4, trainable: false }),
      tf.layers.dense({ units: 4, activation: 'tanh' }),
    ],
  },
];

const classes = 3;

function modelOf({ shape, layers }: Case, uniform: () => number): tf.Sequential {
  const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [...shape] })] });
  for (const layer of layers()) model.add(layer);
  if (model.outputs[0]!.shape.length > 2) model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: classes }));
  tf.tidy(() => {
    const draw = (size: number) => Float32Array.from({ length: size }, () => 2 * uniform() - 1);
    model.setWeights(model.getWeights().map((weight) => tf.tensor(draw(weight.size), weight.shape)));
  });
  return model;
}

/** Clips and adds the gradients of the examples one by one. */
function naiveSum(
  model: tf.LayersModel,
  x: tf.Tensor,
  targets: tf.Tensor2D,
  clipNorm: number,
  clipping: Clipping = 'flat',
) {
  const variables = trainableVariables(model);
  const sums = variables.map(({ size }) => new Float64Array(size));
  // Which layer each weight is of.
  const groupOf = model.layers.flatMap((layer, group) => layer.trainableWeights.map(() => group));
  const groups = new Set(groupOf);
  const norms: number[] = [];
  for (let row = 0; row < x.shape[0]; row++) {
    const gradients = tf.tidy(() => {
      const one = tf.slice(x, row, 1);
      const target = tf.slice2d(targets, [row, 0], [1, classes]);
      const loss = () =>
        tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(
          target,
          model.apply(one, { training: true }) as tf.Tensor2D,
        );
      const { grads } = tf.variableGrads(loss, variables);
      return variables.map(({ name }) => grads[name]!.dataSync().slice());
    });
    const norm = Math.sqrt(gradients.flatMap((g) => [...g]).reduce((sum, value) => sum + value * value, 0));
    norms.push(norm);
    const layerNorm = (group: number) =>
      Math.hypot(...gradients.flatMap((gradient, index) => (groupOf[index] === group ? [...gradient] : [])));
    gradients.forEach((gradient, index) => {
      const factor =
        clipping === 'flat'
          ? Math.min(1, clipNorm / norm)
          : Math.min(1, clipNorm / Math.sqrt(groups.size) / layerNorm(groupOf[index]!));
      gradient.forEach((value, at) => (sums[index]![at]! += factor * value));
    });
  }
  return { sums, norms };
}

const rows = 5;

function batchOf({ shape, vocabulary }: Case, uniform: () => number) {
  const draw = () => (vocabulary === undefined ? 4 * uniform() - 2 : Math.floor(uniform() * vocabulary));
  const size = rows * shape.reduce((a, b) => a * b, 1);
  const x = tf.tensor(Float32Array.from({ length: size }, draw), [rows, ...shape]);
  const targets = tf.oneHot(tf.tensor1d([0, 2, 1, 1, 0], 'int32'), classes) as tf.Tensor2D;
  return { x, targets };
}

describe.each(['wasm', 'cpu', 'native'] as const)('on the %s backend', (backend) => {
  describe.skipIf(!available.has(backend))('clipping equals the loop over examples', () => {
    const clippings: readonly Clipping[] = ['flat', 'per-layer'];
    const all = cases.flatMap((one) => clippings.map((clipping) => [one.name, clipping, one] as const));
    it.each(all)('for %s, %s', (_, clipping, one) => {
      useBackend(tf, backend);
      const before = tf.memory().numTensors;
      const uniform = publicGenerator(3);
      tf.engine().startScope();
      const model = modelOf(one, uniform);
      if (one.adapted !== undefined) {
        assignRoles(tf, model, { adapters: { rank: 2, scale: 1.5, layers: [...one.adapted] } });
        const up = model.trainableWeights.filter(({ name }) => name.includes('adapter_up'));
        // From zero the gradient of the other matrix would be zero.
        for (const weight of up)
          weight.write(tf.randomUniform(weight.shape.map(Number), -1, 1, 'float32', 5));
      }
      checkModel(model);
      const { x, targets } = batchOf(one, uniform);
      const { norms: typical } = naiveSum(model, x, targets, 1);
      // Some are clipped and some are not.
      const clipNorm = typical.toSorted((a, b) => a - b)[2]! * 1.001;
      const expected = naiveSum(model, x, targets, clipNorm, clipping);
      const held = tf.memory().numTensors;
      const actual = clippedSum(tf, model, x, targets, clipNorm, clipping);
      expect(actual.gradients).toHaveLength(expected.sums.length);
      actual.norms.forEach((norm, row) =>
        expect(Math.abs(norm / expected.norms[row]! - 1)).toBeLessThan(1e-5),
      );
      const largest = Math.max(...expected.sums.map((sum) => Math.max(...sum.map(Math.abs))));
      actual.gradients.forEach((gradient, index) => {
        expect(gradient.shape).toEqual(model.trainableWeights[index]!.shape);
        const values = gradient.dataSync();
        values.forEach((value, at) => {
          expect(Math.abs(value - expected.sums[index]![at]!) / largest).toBeLessThan(1e-5);
        });
      });
      tf.dispose([...actual.gradients]);
      expect(tf.memory().numTensors).toBe(held);
      model.dispose();
      tf.engine().endScope();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});

describe('clippedSum', () => {
  const setUp = (features: number[]) => {
    useBackend(tf, 'cpu');
    // Even odds for every example: with drawn weights a large one may be right beyond doubt, and pull at nothing.
    const layer = tf.layers.dense({ inputShape: [2], units: 2, kernelInitializer: 'zeros' });
    const model = tf.sequential({ layers: [layer] });
    const x = tf.tensor2d(features, [features.length / 2, 2]);
    const targets = tf.oneHot(tf.zeros([features.length / 2], 'int32'), 2) as tf.Tensor2D;
    return { model, x, targets };
  };

  it('refuses a gradient that is not finite, and leaves nothing behind nor any layer changed', () => {
    const { model, x, targets } = setUp([1, 2, Infinity, 0]);
    const before = tf.memory().numTensors;
    expect(() => clippedSum(tf, model, x, targets, 1)).toThrow(
      expect.objectContaining({ code: 'dp.not-finite' }),
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.keys(model.layers[0]!)).not.toContain('call');
    expect((model.predict(tf.ones([1, 2])) as tf.Tensor).shape).toEqual([1, 2]);
  });

  it('leaves nothing behind when the model cannot be run', () => {
    const { model, targets } = setUp([1, 2]);
    const before = tf.memory().numTensors;
    const wrong = tf.ones([1, 3]);
    expect(() => clippedSum(tf, model, wrong, targets, 1)).toThrow();
    wrong.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('bounds what one example changes, however large it is', () => {
    const { model, x, targets } = setUp([1, 2, 1e6, -1e6]);
    const { gradients, norms } = clippedSum(tf, model, x, targets, 0.25);
    const alone = clippedSum(tf, model, tf.slice(x, 0, 1), tf.slice2d(targets, [0, 0], [1, 2]), 0.25);
    const difference = gradients.map((gradient, index) =>
      tf.sum(tf.squaredDifference(gradient, alone.gradients[index]!)),
    );
    expect(norms[1]).toBeGreaterThan(1e5);
    expect(Math.sqrt(tf.addN(difference).dataSync()[0]!)).toBeCloseTo(0.25, 5);
  });

  it('leaves a model that trains as before', () => {
    const { model, x, targets } = setUp([1, 2, 3, 4]);
    const loss = () =>
      tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(targets, model.apply(x) as tf.Tensor2D);
    const before = tf.variableGrads(loss).grads;
    clippedSum(tf, model, x, targets, 1);
    const after = tf.variableGrads(loss).grads;
    for (const name of Object.keys(before)) expect(after[name]!.dataSync()).toEqual(before[name]!.dataSync());
  });
});
