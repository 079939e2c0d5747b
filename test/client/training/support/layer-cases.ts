import tf from '@tensorflow/tfjs';

/** One layer between an input and a flat dense head, with what varies in how it is trained. */
export interface LayerCase {
  readonly name: string;
  /** Shape of one example. */
  readonly shape: readonly number[];
  readonly layers: () => tf.layers.Layer[];
  /** Inputs are whole numbers below this: indices of an embedding. */
  readonly vocabulary?: number;
}

const image = [6, 5, 3];
const sequence = [5, 4];

/** Layers that federated models are made of. Kinks (relu, max) are kept away from the points where differences are taken by tolerance. */
export const layerCases: readonly LayerCase[] = [
  { name: 'dense', shape: [6], layers: () => [tf.layers.dense({ units: 5, activation: 'tanh' })] },
  {
    name: 'dense on a sequence',
    shape: sequence,
    layers: () => [tf.layers.dense({ units: 3, activation: 'tanh' })],
  },
  {
    name: 'conv1d',
    shape: sequence,
    layers: () => [tf.layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same' })],
  },
  { name: 'conv2d valid', shape: image, layers: () => [tf.layers.conv2d({ filters: 4, kernelSize: 3 })] },
  {
    name: 'conv2d same',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 4, kernelSize: [3, 2], padding: 'same' })],
  },
  {
    name: 'conv2d with strides',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' })],
  },
  {
    name: 'two conv2d',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'tanh' }),
      tf.layers.conv2d({ filters: 2, kernelSize: 2, strides: [2, 1] }),
    ],
  },
  {
    name: 'depthwise conv2d',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 3, kernelSize: 1 }),
      tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same' }),
    ],
  },
  {
    name: 'depthwise conv2d with strides',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 2, kernelSize: 1 }),
      tf.layers.depthwiseConv2d({ kernelSize: 3, strides: [2, 2] }),
    ],
  },
  {
    name: 'separable conv2d',
    shape: image,
    layers: () => [tf.layers.separableConv2d({ filters: 4, kernelSize: 3, activation: 'tanh' })],
  },
  {
    name: 'transposed conv2d',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 2, kernelSize: 1 }),
      tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
    ],
  },
  {
    name: 'max pooling of values of either sign',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 3, kernelSize: 3 }), tf.layers.maxPooling2d({ poolSize: 2 })],
  },
  {
    name: 'max pooling with overlap',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 3, kernelSize: 2 }),
      tf.layers.maxPooling2d({ poolSize: 3, strides: 1, padding: 'same' }),
    ],
  },
  {
    name: 'average pooling',
    shape: image,
    layers: () => [
      tf.layers.conv2d({ filters: 3, kernelSize: 2 }),
      tf.layers.averagePooling2d({ poolSize: 2 }),
    ],
  },
  {
    name: 'global average pooling',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 3, kernelSize: 2 }), tf.layers.globalAveragePooling2d({})],
  },
  {
    name: 'global max pooling',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 3, kernelSize: 2 }), tf.layers.globalMaxPooling2d({})],
  },
  {
    name: 'nearest upsampling',
    shape: image,
    layers: () => [tf.layers.conv2d({ filters: 2, kernelSize: 2 }), tf.layers.upSampling2d({ size: [2, 2] })],
  },
  {
    name: 'embedding',
    shape: [4],
    vocabulary: 7,
    layers: () => [tf.layers.embedding({ inputDim: 7, outputDim: 3 })],
  },
  {
    name: 'layer normalization',
    shape: [6],
    layers: () => [tf.layers.dense({ units: 5 }), tf.layers.layerNormalization()],
  },
  {
    name: 'batch normalization',
    shape: [6],
    layers: () => [tf.layers.dense({ units: 5, useBias: false }), tf.layers.batchNormalization()],
  },
  { name: 'simple RNN', shape: sequence, layers: () => [tf.layers.simpleRNN({ units: 3 })] },
  { name: 'GRU', shape: sequence, layers: () => [tf.layers.gru({ units: 3 })] },
  { name: 'LSTM', shape: sequence, layers: () => [tf.layers.lstm({ units: 3, returnSequences: true })] },
  {
    name: 'bidirectional LSTM',
    shape: sequence,
    layers: () => [tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 2 }), mergeMode: 'concat' })],
  },
  { name: 'ELU', shape: [6], layers: () => [tf.layers.dense({ units: 5, activation: 'elu' })] },
  { name: 'softplus', shape: [6], layers: () => [tf.layers.dense({ units: 5, activation: 'softplus' })] },
  { name: 'leaky ReLU', shape: [6], layers: () => [tf.layers.dense({ units: 5 }), tf.layers.leakyReLU({})] },
  { name: 'PReLU', shape: [6], layers: () => [tf.layers.dense({ units: 5 }), tf.layers.prelu({})] },
];
