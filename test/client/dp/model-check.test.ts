import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { checkModel, findModelProblems } from '../../../packages/client/src/dp/index.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

const modelOf = (shape: number[], ...layers: tf.layers.Layer[]) =>
  tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: shape }), ...layers] });

describe('findModelProblems', () => {
  it('finds nothing in a model of layers that have rules, dropout and pooling among them', () => {
    const model = modelOf(
      [8, 8, 1],
      tf.layers.conv2d({ filters: 2, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.flatten(),
      tf.layers.layerNormalization(),
      tf.layers.dense({ units: 3 }),
    );
    expect(findModelProblems(model)).toEqual([]);
    checkModel(model);
  });

  it.each([
    ['batch normalization', () => modelOf([4], tf.layers.batchNormalization()), /mixes the examples/],
    [
      'frozen batch normalization, which still uses the statistics of the batch',
      () => modelOf([4], tf.layers.batchNormalization({ trainable: false })),
      /mixes the examples/,
    ],
    [
      'a layer without a rule',
      () => modelOf([4, 3, 1], tf.layers.conv2dTranspose({ filters: 2, kernelSize: 2 })),
      /no rule .* Conv2DTranspose/,
    ],
    [
      'a layer without a rule in a model within the model',
      () => modelOf([4, 3], modelOf([4, 3], tf.layers.prelu())),
      /no rule .* PReLU/,
    ],
    [
      'a wrapper around a layer',
      () => modelOf([4, 3], tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }) })),
      /no rule .* TimeDistributed/,
    ],
    [
      'a stateful LSTM',
      () => {
        const inputs = tf.input({ batchShape: [2, 4, 3] });
        const outputs = tf.layers.lstm({ units: 2, stateful: true }).apply(inputs);
        return tf.model({ inputs, outputs: outputs as tf.SymbolicTensor });
      },
      /from batch to batch/,
    ],
    [
      'a GRU that drops',
      () => modelOf([4, 3], tf.layers.gru({ units: 2, recurrentDropout: 0.5 })),
      /drops units/,
    ],
    [
      'a recurrent layer that starts from a given state',
      () => {
        const inputs = tf.input({ shape: [4, 3] });
        const initialState = tf.layers.dense({ units: 2 }).apply(tf.layers.flatten().apply(inputs));
        const outputs = tf.layers.simpleRNN({ units: 2 }).apply(inputs, { initialState });
        return tf.model({ inputs, outputs: outputs as tf.SymbolicTensor });
      },
      /passed in or out/,
    ],
    [
      'an embedding that masks',
      () => modelOf([4], tf.layers.embedding({ inputDim: 5, outputDim: 2, maskZero: true })),
      /masks/,
    ],
    [
      'a softmax activation',
      () => modelOf([4], tf.layers.dense({ units: 2, activation: 'softmax' })),
      /softmax itself/,
    ],
    [
      'a softmax layer',
      () => modelOf([4], tf.layers.dense({ units: 2 }), tf.layers.softmax()),
      /softmax itself/,
    ],
    [
      'channels first',
      () => modelOf([1, 8, 8], tf.layers.conv2d({ filters: 2, kernelSize: 3, dataFormat: 'channelsFirst' })),
      /channels first/,
    ],
    [
      'a dilated window',
      () => modelOf([8, 8, 1], tf.layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2 })),
      /dilated/,
    ],
    [
      'layer normalization over other axes',
      () => modelOf([4, 3], tf.layers.layerNormalization({ axis: 1 })),
      /other axes/,
    ],
    [
      'layer normalization without offset',
      () => modelOf([4], tf.layers.layerNormalization({ center: false })),
      /scale or its offset/,
    ],
    [
      'a layer that is used twice',
      () => {
        const input = tf.input({ shape: [4] });
        const shared = tf.layers.dense({ units: 4 });
        const outputs = shared.apply(shared.apply(input)) as tf.SymbolicTensor;
        return tf.model({ inputs: input, outputs });
      },
      /more than once/,
    ],
    [
      'two inputs',
      () => {
        const inputs = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
        return tf.model({ inputs, outputs: tf.layers.add().apply(inputs) as tf.SymbolicTensor });
      },
      /2 inputs/,
    ],
  ])('refuses %s', (_, build, reason) => {
    const model = build();
    const [problem] = findModelProblems(model);
    expect(problem?.reason).toMatch(reason);
    expect(problem?.remedy).not.toBe('');
    expect(() => checkModel(model)).toThrow(
      expect.objectContaining({ code: 'dp.model', remedy: problem?.remedy }),
    );
    model.dispose();
  });
});

describe('what has no rule', () => {
  it.each([
    ['upSampling2d', () => modelOf([4, 3, 1], tf.layers.conv2dTranspose({ filters: 2, kernelSize: 2 }))],
    ['goBackwards', () => modelOf([4, 3], tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 2 }) }))],
    ['leaky ReLU', () => modelOf([4, 3], tf.layers.prelu())],
  ])('is refused with what takes its place: %s', (replacement, model) => {
    const [problem, ...others] = findModelProblems(model());
    expect(problem?.reason).toMatch(/there is no rule/);
    expect(problem?.remedy).toContain(replacement);
    expect(others).toEqual([]);
  });
});
