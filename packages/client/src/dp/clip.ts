import type { LayersModel, Scalar, Tensor, Tensor1D, Tensor2D, layers } from '@tensorflow/tfjs';
import { TuttiError } from '@tutti/shared/errors';
import type { TensorFlow } from '../training/tensorflow/library.js';
import { leafLayers } from '../training/tensorflow/model-check.js';
import { rules, type Rule } from './rules/index.js';
import { tapBackwardPass } from './tap.js';

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
): ClippedSum {
  const trained = leafLayers(model)
    .filter((layer) => layer.trainableWeights.length > 0)
    .map((layer) => ({ layer, rule: ruleOf(layer) }));
  const tapped = trained.map(({ layer, rule: { forward } }) =>
    forward === undefined ? { layer } : { layer, forward: (input: Tensor) => forward(tf, layer, input) },
  );
  const summedLoss = (logits: Tensor): Scalar =>
    tf.losses.softmaxCrossEntropy(targets, logits as Tensor2D, undefined, undefined, tf.Reduction.SUM);
  const { loss, taps } = tapBackwardPass(tf, model, tapped, x, summedLoss);
  try {
    let norms = new Float32Array(0);
    const gradients = tf.tidy(() => {
      const contributions = trained.map(({ layer, rule }, index) => {
        const tap = taps[index];
        if (tap === undefined) throw new Error(`Layer ${layer.name} was not tapped.`);
        return rule.contribution(tf, layer, tap.input, tap.gradient);
      });
      const squared = contributions.map((part) => part.squaredNorms).reduce((a, b) => tf.add(a, b));
      norms = tf.sqrt(squared).dataSync<'float32'>().slice();
      checkFinite(norms);
      const factors: Tensor1D = tf.tensor1d(norms.map((norm) => Math.min(1, clipNorm / norm)));
      return contributions.flatMap((part) => part.weightedSum(factors));
    });
    return { gradients, norms, loss };
  } finally {
    tf.dispose(taps.map(({ input, gradient }) => [input, gradient]));
  }
}

function ruleOf(layer: layers.Layer): Rule {
  const rule = rules[layer.getClassName()];
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
