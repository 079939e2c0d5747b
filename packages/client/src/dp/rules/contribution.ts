import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../training/tensorflow/library.js';

/**
 * What one layer adds to the gradients of the examples of a batch, without the gradient of any one example being kept longer than its norm needs.
 * The tensors inside belong to the scope in which the contribution was made.
 */
export interface Contribution {
  /** Of each example's gradient in this layer's weights. */
  readonly squaredNorms: Tensor1D;
  /** The sum over examples of factor times gradient, one tensor a weight, in the order of the layer's trainable weights. */
  weightedSum(factors: Tensor1D): Tensor[];
}

/** Adds the rows of `gradients` (examples x numbers) with the factors, as a tensor of the given shape. */
export function weightedRows(
  tf: TensorFlow,
  factors: Tensor1D,
  gradients: Tensor2D,
  shape: readonly number[],
): Tensor {
  return tf.reshape(tf.matMul(tf.reshape(factors, [1, -1]), gradients), [...shape]);
}

/**
 * A contribution whose gradients were formed example by example: one tensor a weight, examples first. For layers of few weights or many positions.
 */
export function formed(
  tf: TensorFlow,
  gradients: readonly Tensor[],
  shapes: readonly (readonly number[])[],
): Contribution {
  const rows = gradients.map((gradient) => tf.reshape<Rank.R2>(gradient, [gradient.shape[0], -1]));
  return {
    squaredNorms: rows.map((row) => squaredNorms(tf, row)).reduce((a, b) => tf.add(a, b)),
    weightedSum: (factors) => rows.map((row, index) => weightedRows(tf, factors, row, shapes[index] ?? [])),
  };
}

/** Sum of squares of each row. */
export function squaredNorms(tf: TensorFlow, rows: Tensor2D): Tensor1D {
  // The squares are as large as the rows: they must not stay until the step is over.
  return tf.tidy(() => tf.sum<Tensor1D>(tf.square(rows), 1));
}

/**
 * A product of inputs and a kernel, once an example: the squared norm is |g|² (|a|² + 1), where 1 is the bias (Goodfellow, "Efficient per-example
 * gradient computations", 2015, arXiv 1510.01799).
 *
 * @param inputs - examples x inputs
 * @param gradients - examples x units, at the pre-activation
 */
export function linearOnce(
  tf: TensorFlow,
  inputs: Tensor2D,
  gradients: Tensor2D,
  { kernel, bias }: LinearShapes,
): Contribution {
  const ofInputs = squaredLengths(tf, inputs);
  return {
    squaredNorms: tf.mul(squaredLengths(tf, gradients), bias ? tf.add(ofInputs, 1) : ofInputs),
    weightedSum: (factors) => {
      const scaled = tf.mul<Tensor2D>(gradients, tf.reshape(factors, [-1, 1]));
      const kernelSum = tf.matMul(inputs, scaled, true, false);
      const shaped = kernel.length === 2 ? kernelSum : tf.reshape(kernelSum, [...kernel]);
      return bias ? [shaped, tf.sum(scaled, 0)] : [shaped];
    },
  };
}

/** What rounding to zero may take from one product of 32-bit floats and from adding it, where denormal numbers count as zero. */
const underflow = 2.4e-38;

/**
 * Sum of squares of each row along the last side, with what underflow may have taken from it: beside a factor of 1e19, squares of 1e-20 that
 * count as zero would hide a gradient above the clip norm.
 */
function squaredLengths(tf: TensorFlow, rows: Tensor): Tensor {
  const { rank, shape } = rows;
  return tf.tidy(() => tf.add(tf.sum(tf.square(rows), rank - 1), (shape[rank - 1] ?? 1) * underflow));
}

/**
 * The least part of S² that a squared norm from Gram matrices counts as, where S is the sum over positions of |a_t| |g_t|: rounding is relative to S², not to
 * the norm. Positions that do not agree leave 1/T of S², and Gram matrices are taken for few positions, so that hardly a gradient is touched that nobody has contrived.
 */
const leastShare = 1e-3;

/**
 * The squared norms of Gram matrices, bounded from below where their terms cancel or underflow: weights can be chosen so that a norm
 * comes out as anything. What is bounded is clipped more than it need be, never less. What is not finite stays so.
 */
function withoutCancellation(
  tf: TensorFlow,
  norms: Tensor1D,
  inputs: Tensor3D,
  gradients: Tensor3D,
): Tensor1D {
  return tf.tidy(() => {
    const [ofInputs, ofGradients] = [inputs, gradients].map((rows) => tf.sqrt(squaredLengths(tf, rows))) as [
      Tensor,
      Tensor,
    ];
    const squaredSum = (lengths: Tensor): Tensor1D => tf.square(tf.sum<Tensor1D>(lengths, 1));
    const hidden = tf.add(
      tf.mul(squaredSum(ofGradients), inputs.shape[2] * underflow),
      tf.mul(squaredSum(ofInputs), gradients.shape[2] * underflow),
    );
    const counted = tf.add<Tensor1D>(norms, hidden);
    const least = tf.mul(squaredSum(tf.mul(ofInputs, ofGradients)), leastShare);
    // A maximum of the two would lose what is not a number on some backends.
    return tf.add<Tensor1D>(counted, tf.relu(tf.sub(least, counted)));
  });
}

/** Of the weights of a product with a kernel. */
export interface LinearShapes {
  readonly kernel: readonly number[];
  readonly bias: boolean;
}

/**
 * A product of inputs and a kernel, at several positions of each example.
 *
 * The squared norm is the sum over pairs of positions of <a_t, a_u> <g_t, g_u>, from two T x T matrices, where 2 T² is at most inputs x units; else the
 * gradient of each example is formed and kept for the sum (Bu, Mao and Xu, "Scalable and efficient training of large convolutional neural
 * networks with differential privacy", 2022, arXiv 2205.10683, section 3).
 *
 * @param inputs - examples x positions x inputs
 * @param gradients - examples x positions x units, at the pre-activation
 */
export function linear(
  tf: TensorFlow,
  inputs: Tensor3D,
  gradients: Tensor3D,
  shapes: LinearShapes,
): Contribution {
  const [examples, positions, width] = inputs.shape;
  const units = gradients.shape[2];
  if (positions === 1) {
    const rows = (tensor: Tensor3D, length: number): Tensor2D => tf.reshape(tensor, [examples, length]);
    return linearOnce(tf, rows(inputs, width), rows(gradients, units), shapes);
  }
  const perExampleBias = tf.sum<Tensor2D>(gradients, 1);
  const total = (kernelNorms: Tensor1D): Tensor1D =>
    shapes.bias ? tf.add(kernelNorms, squaredNorms(tf, perExampleBias)) : kernelNorms;
  const biasSum = (factors: Tensor1D): Tensor[] =>
    shapes.bias ? [weightedRows(tf, factors, perExampleBias, [units])] : [];

  if (2 * positions ** 2 > width * units) {
    const formedKernels = tf.matMul(inputs, gradients, true, false);
    const kernels = tf.reshape<Rank.R2>(formedKernels, [examples, width * units]);
    return {
      squaredNorms: total(squaredNorms(tf, kernels)),
      weightedSum: (factors) => [weightedRows(tf, factors, kernels, shapes.kernel), ...biasSum(factors)],
    };
  }
  const ofPairs = tf.tidy(() =>
    tf.sum<Tensor1D>(
      tf.mul(tf.matMul(inputs, inputs, false, true), tf.matMul(gradients, gradients, false, true)),
      [1, 2],
    ),
  );
  const kernelNorms = withoutCancellation(tf, ofPairs, inputs, gradients);
  return {
    squaredNorms: total(kernelNorms),
    weightedSum: (factors) => {
      const scaled = tf.mul(gradients, tf.reshape(factors, [-1, 1, 1]));
      const kernel = tf.matMul(
        tf.reshape<Rank.R2>(inputs, [examples * positions, width]),
        tf.reshape<Rank.R2>(scaled, [examples * positions, units]),
        true,
        false,
      );
      return [tf.reshape(kernel, [...shapes.kernel]), ...biasSum(factors)];
    },
  };
}
