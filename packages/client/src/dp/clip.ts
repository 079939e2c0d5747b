import type { LayersModel, Scalar, Tensor, Tensor1D, Tensor2D, layers } from '@tensorflow/tfjs';
import { TuttiError } from '@tutti/shared/errors';
import type { TensorFlow } from '../training/tensorflow/library.js';
import { leafLayers } from '../training/tensorflow/model-check.js';
import { ruleOf, type Rule } from './rules/index.js';
import { tapBackwardPass, type TappedLayer } from './tap.js';

/** The sum over a batch of the examples' gradients, each clipped. */
export interface ClippedSum {
  /** One tensor a trainable weight, in the order of `model.trainableWeights`; the receiver's to dispose of. */
  readonly gradients: readonly Tensor[];
  /** L2 norm of each example's whole gradient before clipping. Private: it is protected by nothing. */
  readonly norms: Float32Array;
  /** Sum over the examples of the loss. Private likewise. */
  readonly loss: number;
}

/**
 * How an example's gradient is bounded: `flat`, its whole norm by the clip norm; `per-layer`, the norm of each of L layers by the clip norm over sqrt(L), which bounds the
 * whole by the clip norm too (McMahan et al., "A general approach to adding differential privacy to iterative training procedures", 2018, arXiv
 * 1812.06210), and needs the gradients of one layer at a time.
 */
export type Clipping = 'flat' | 'per-layer';

/**
 * Clips the gradient of each example to `clipNorm` and adds them up, without forming the weight gradients of the single examples where their norms
 * can be had otherwise: one forward and one backward pass give what the norms are made of, and one weighted product a layer gives
 * the sum (book-keeping: Bu, Wang, Zha and Karypis, "Differentially private optimization on large model at small cost",
 * ICML 2023, arXiv 2210.00038).
 *
 * The arithmetic is that of 32-bit floats: a clipped norm may exceed the bound by a relative 1e-6.
 *
 * @param model - checked by `checkModel`; its output is one row of logits an example
 * @param targets - one-hot classes
 * @throws TuttiError `dp.not-finite` when the gradient of an example is not finite
 */
export function clippedSum(
  tf: TensorFlow,
  model: LayersModel,
  x: Tensor,
  targets: Tensor2D,
  clipNorm: number,
  clipping: Clipping = 'flat',
): ClippedSum {
  const trained = leafLayers(model)
    .filter((layer) => layer.trainableWeights.length > 0)
    .map((layer) => ({ layer, rule: requiredRule(layer) }));
  const tapped = trained.map(({ layer, rule: { forward } }): TappedLayer =>
    forward === undefined
      ? { layer }
      : { layer, forward: (input, capture) => forward(tf, layer, input, capture) },
  );
  const summedLoss = (logits: Tensor): Scalar =>
    tf.losses.softmaxCrossEntropy(targets, logits as Tensor2D, undefined, undefined, tf.Reduction.SUM);
  const { loss, taps } = tapBackwardPass(tf, model, tapped, x, summedLoss);
  try {
    let norms = new Float32Array(0);
    const gradients = tf.tidy(() => {
      const contributions = trained.map(({ layer, rule }, index) =>
        rule.contribution(tf, layer, taps[index] ?? []),
      );
      const squares = contributions.map((part) => part.squaredNorms.dataSync<'float32'>());
      norms = Float32Array.from({ length: x.shape[0] }, (_, row) =>
        Math.sqrt(squares.reduce((sum, ofLayer) => sum + (ofLayer[row] ?? 0), 0)),
      );
      checkFinite(norms);
      if (clipping === 'flat') {
        const factors = factorsOf(tf, norms, clipNorm);
        return contributions.flatMap((part) => part.weightedSum(factors));
      }
      const share = clipNorm / Math.sqrt(contributions.length);
      return contributions.flatMap((part, index) =>
        part.weightedSum(factorsOf(tf, squares[index]?.map(Math.sqrt) ?? norms, share)),
      );
    });
    return { gradients, norms, loss };
  } finally {
    for (const { inputs, gradient } of taps.flat()) tf.dispose([...inputs, gradient]);
  }
}

function factorsOf(tf: TensorFlow, norms: Float32Array, clipNorm: number): Tensor1D {
  return tf.tensor1d(norms.map((norm) => Math.min(1, clipNorm / norm)));
}

function requiredRule(layer: layers.Layer): Rule {
  const rule = ruleOf(layer);
  if (rule !== undefined) return rule;
  throw new Error(`There is no rule for layer ${layer.name}: check the model first.`);
}

/** One gradient that is not a number would make the whole sum one, and no clipping bounds it. */
function checkFinite(norms: Float32Array): void {
  if (norms.every(Number.isFinite)) return;
  throw new TuttiError(
    'dp.not-finite',
    'The gradient of an example is not finite, so that clipping cannot bound it.',
    'Use a smaller learning rate, and scale the features to about 1.',
  );
}
