import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../training/tensorflow/library.js';
import { adaptedForward, adapterOf } from '../../training/tensorflow/roles.js';
import { formed, linear, linearOnce, type Contribution, type LinearShapes } from './contribution.js';
import type { Capture, Tapped } from '../tap.js';
import { patches, type Window } from './patches.js';
import { recurrentRules } from './recurrent.js';

type Layer = layers.Layer;

/** How a kind of layer is trained with privacy for each example. */
export interface Rule {
  /** The output, with each pre-activation captured together with what it came from, without fused operations. Left out for layers without activation. */
  readonly forward?: (tf: TensorFlow, layer: Layer, input: Tensor, capture: Capture) => Tensor;
  /** What the layer adds to the gradients of the examples, from what its taps saw. */
  readonly contribution: (tf: TensorFlow, layer: Layer, taps: readonly Tapped[]) => Contribution;
}

/** A layer of one tap. `gradient` is at the pre-activation, or at the output of a layer without activation. */
type SingleContribution = (tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor) => Contribution;

function single(
  contribution: SingleContribution,
  preActivation?: (tf: TensorFlow, layer: Layer, input: Tensor) => Tensor,
): Rule {
  const rule: Rule = {
    contribution: (tf, layer, taps) => {
      const [tap] = taps;
      const [input] = tap?.inputs ?? [];
      if (tap === undefined || input === undefined) throw new Error(`Layer ${layer.name} was not tapped.`);
      return contribution(tf, layer, input, tap.gradient);
    },
  };
  if (preActivation === undefined) return rule;
  return {
    ...rule,
    forward: (tf, layer, input, capture) => {
      const captured = capture(preActivation(tf, layer, input), input);
      return settingsOf(layer).activation?.apply(captured) ?? captured;
    },
  };
}

/** Of a dense layer that stays, with two thin matrices beside it that train: each is a product of its own. */
const adapted: Rule = {
  forward: (tf, layer, input, capture) => {
    const adapter = adapterOf(layer);
    if (adapter === undefined) throw new Error(`Layer ${layer.name} has no adapter.`);
    return adaptedForward(tf, layer, adapter, input, capture);
  },
  contribution: (tf, layer, taps) => {
    const shapes = shapesOf(layer);
    const parts = taps.map(({ inputs, gradient }, at) => {
      const [input] = inputs;
      if (input === undefined) throw new Error(`Layer ${layer.name} was not tapped.`);
      return linear(tf, flatten(tf, input), flatten(tf, gradient), { kernel: shapes[at] ?? [], bias: false });
    });
    return {
      squaredNorms: parts.map((part) => part.squaredNorms).reduce((a, b) => tf.add(a, b)),
      weightedSum: (factors) => parts.flatMap((part) => part.weightedSum(factors)),
    };
  },
};

/** The rule of a layer, where there is one. */
export function ruleOf(layer: Layer): Rule | undefined {
  return adapterOf(layer) === undefined ? rules[layer.getClassName()] : adapted;
}

/** What the rules read of a layer; each field is there for the layers that have it. */
interface LayerSettings {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: 'valid' | 'same';
  readonly epsilon: number;
  readonly activation?: { apply(x: Tensor): Tensor };
}

function settingsOf(layer: Layer): LayerSettings {
  return layer as unknown as LayerSettings;
}

function shapesOf(layer: Layer): readonly (readonly number[])[] {
  return layer.trainableWeights.map((weight) => weight.shape.map(Number));
}

function kernelAndBias(layer: Layer): LinearShapes {
  const [kernel = [], bias] = shapesOf(layer);
  return { kernel, bias: bias !== undefined };
}

/** Product of the sides but the first and the last. */
function positionsOf({ shape }: Tensor): number {
  return shape.slice(1, -1).reduce((size, side) => size * side, 1);
}

function lastOf({ shape }: Tensor): number {
  return shape[shape.length - 1] ?? 1;
}

/** Examples x positions x the last side. */
function flatten(tf: TensorFlow, tensor: Tensor): Tensor3D {
  return tf.reshape(tensor, [tensor.shape[0], positionsOf(tensor), lastOf(tensor)]);
}

function variablesOf(layer: Layer): { readonly kernel: Tensor; readonly bias: Tensor | undefined } {
  const [kernel, bias] = layer.weights.map((weight) => weight.read());
  if (kernel === undefined) throw new Error(`Layer ${layer.name} has no kernel.`);
  return { kernel, bias };
}

function addBias(tf: TensorFlow, output: Tensor, bias: Tensor | undefined): Tensor {
  return bias === undefined ? output : tf.add(output, bias);
}

function denseForward(tf: TensorFlow, layer: Layer, input: Tensor): Tensor {
  const { kernel, bias } = variablesOf(layer);
  if (input.rank === 2) return addBias(tf, tf.matMul(input, kernel), bias);
  const rows = tf.reshape<Rank.R2>(input, [-1, lastOf(input)]);
  const output = tf.matMul(rows, kernel);
  return tf.reshape(addBias(tf, output, bias), [...input.shape.slice(0, -1), lastOf(kernel)]);
}

function dense(tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor): Contribution {
  if (input.rank === 2) return linearOnce(tf, input as Tensor2D, gradient as Tensor2D, kernelAndBias(layer));
  return linear(tf, flatten(tf, input), flatten(tf, gradient), kernelAndBias(layer));
}

/** A sequence is an image of one column. */
function imageAndWindow(
  tf: TensorFlow,
  layer: Layer,
  input: Tensor,
): { readonly image: Tensor4D; readonly window: Window } {
  const { kernelSize, strides, padding } = settingsOf(layer);
  const [height = 1, width = 1] = kernelSize;
  const [strideHeight = 1, strideWidth = 1] = strides;
  const [examples = 0, length = 0, channels = 0] = input.shape;
  return {
    image: input.rank === 4 ? (input as Tensor4D) : tf.reshape(input, [examples, length, 1, channels]),
    window: { size: [height, width], strides: [strideHeight, strideWidth], padding },
  };
}

function convolutionForward(tf: TensorFlow, layer: Layer, input: Tensor): Tensor {
  const { kernel, bias } = variablesOf(layer);
  const { image, window } = imageAndWindow(tf, layer, input);
  const filter = tf.reshape<Rank.R4>(kernel, [...window.size, lastOf(image), lastOf(kernel)]);
  const output = addBias(tf, tf.conv2d(image, filter, [...window.strides], window.padding), bias);
  return input.rank === 4 ? output : tf.squeeze(output, [2]);
}

function convolution(tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor): Contribution {
  const { image, window } = imageAndWindow(tf, layer, input);
  return linear(tf, patches(tf, image, window), flatten(tf, gradient), kernelAndBias(layer));
}

function depthwiseForward(tf: TensorFlow, layer: Layer, input: Tensor): Tensor {
  const { kernel, bias } = variablesOf(layer);
  const { image, window } = imageAndWindow(tf, layer, input);
  const output = tf.depthwiseConv2d(image, kernel as Tensor4D, [...window.strides], window.padding);
  return addBias(tf, output, bias);
}

/** Forms the gradients: for each channel the product of what its window saw and the gradient of its outputs. */
function depthwise(tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor): Contribution {
  const { image, window } = imageAndWindow(tf, layer, input);
  const kernel = depthwiseKernels(tf, image, window, gradient);
  const { bias } = kernelAndBias(layer);
  return formed(tf, bias ? [kernel, tf.sum(flatten(tf, gradient), 1)] : [kernel], shapesOf(layer));
}

/** Gradients of the kernel: examples x pixels of the window x channels x multiplier. */
function depthwiseKernels(tf: TensorFlow, image: Tensor4D, window: Window, gradient: Tensor): Tensor {
  const [examples, , , channels] = image.shape;
  const columns = patches(tf, image, window);
  const [, positions] = columns.shape;
  const pixels = window.size[0] * window.size[1];
  const seen = tf.transpose(tf.reshape(columns, [examples, positions, pixels, channels]), [0, 3, 2, 1]);
  const outputs = tf.reshape(gradient, [examples, positions, channels, lastOf(gradient) / channels]);
  return tf.transpose(tf.matMul(seen, tf.transpose(outputs, [0, 2, 1, 3])), [0, 2, 1, 3]);
}

/** A depthwise convolution without bias, and a product at every position of what it gives: a tap each. */
const separable: Rule = {
  forward: (tf, layer, input, capture) => {
    const [depthKernel, pointKernel, bias] = layer.weights.map((weight) => weight.read());
    if (depthKernel === undefined || pointKernel === undefined)
      throw new Error(`Layer ${layer.name} lacks a kernel.`);
    const { image, window } = imageAndWindow(tf, layer, input);
    const { size, strides, padding } = window;
    const filtered: Tensor = capture(
      tf.depthwiseConv2d(image, tf.reshape(depthKernel, [...size, lastOf(image), -1]), [...strides], padding),
      image,
    );
    const output = addBias(tf, tf.conv2d(filtered as Tensor4D, pointKernel as Tensor4D, 1, 'valid'), bias);
    const captured = capture(output, filtered);
    return settingsOf(layer).activation?.apply(captured) ?? captured;
  },
  contribution: (tf, layer, [depth, point]) => {
    const [[image], [filtered]] = [depth?.inputs ?? [], point?.inputs ?? []];
    if (depth === undefined || point === undefined || image === undefined || filtered === undefined)
      throw new Error(`Layer ${layer.name} was not tapped.`);
    const [depthShape = [], kernel = [], bias] = shapesOf(layer);
    const { window } = imageAndWindow(tf, layer, image);
    const kernels = depthwiseKernels(tf, image as Tensor4D, window, depth.gradient);
    const parts = [
      formed(tf, [kernels], [depthShape]),
      linear(tf, flatten(tf, filtered), flatten(tf, point.gradient), { kernel, bias: bias !== undefined }),
    ];
    return {
      squaredNorms: parts.map((part) => part.squaredNorms).reduce((one, other) => tf.add(one, other)),
      weightedSum: (factors) => parts.flatMap((part) => part.weightedSum(factors)),
    };
  },
};

/** Tokens of one example that are equal share a row: the squared norm is the sum over pairs of equal tokens of <g_t, g_u>. */
function embedding(tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor): Contribution {
  const examples = input.shape[0];
  const [rowCount = 0, width = 0] = shapesOf(layer)[0] ?? [];
  const tokens = input.size / examples;
  const ids: Tensor2D = tf.cast(tf.reshape(input, [examples, tokens]), 'int32');
  const rows: Tensor3D = tf.reshape(gradient, [examples, tokens, width]);
  const equal = tf.cast(tf.equal(tf.expandDims(ids, 2), tf.expandDims(ids, 1)), 'float32');
  const pairs = tf.mul(equal, tf.matMul(rows, rows, false, true));
  return {
    squaredNorms: tf.sum<Tensor1D>(pairs, [1, 2]),
    weightedSum: (factors) => {
      const scaled = tf.mul(rows, tf.reshape(factors, [-1, 1, 1]));
      const flat: Tensor2D = tf.reshape(scaled, [examples * tokens, width]);
      return [tf.unsortedSegmentSum(flat, tf.reshape<Rank.R1>(ids, [-1]), rowCount)];
    },
  };
}

/** Forms the gradients: for gamma the sum of gradient times normalised input, for beta the sum of gradients. */
function layerNormalization(tf: TensorFlow, layer: Layer, input: Tensor, gradient: Tensor): Contribution {
  const { epsilon } = settingsOf(layer);
  const { mean, variance } = tf.moments(input, -1, true);
  const normalised = tf.div(tf.sub(input, mean), tf.sqrt(tf.add(variance, epsilon)));
  const gamma = tf.sum(flatten(tf, tf.mul(gradient, normalised)), 1);
  const beta = tf.sum(flatten(tf, gradient), 1);
  return formed(tf, [gamma, beta], shapesOf(layer));
}

/** The rules, by class name of the layer. A layer with trainable weights and no rule cannot be trained privately. */
export const rules: Readonly<Record<string, Rule>> = {
  Dense: single(dense, denseForward),
  Conv1D: single(convolution, convolutionForward),
  Conv2D: single(convolution, convolutionForward),
  DepthwiseConv2D: single(depthwise, depthwiseForward),
  SeparableConv2D: separable,
  Embedding: single(embedding),
  LayerNormalization: single(layerNormalization),
  ...recurrentRules,
};
