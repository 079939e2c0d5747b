import type { LayersModel, Optimizer } from '@tensorflow/tfjs';
import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { calibrateNoiseMultiplier, type AccountantName } from '@tutti/shared/privacy';
import { fastestBackend, requireBackend, useBackend } from '../training/tensorflow/backends.js';
import { type TensorFlow, type TensorFlowBackend } from '../training/tensorflow/library.js';
import type { Examples } from '../training/trainer.js';
import type { AdaptiveClip } from './adaptive-clip.js';
import type { Clipping } from './clip.js';
import { stepEvent } from './events.js';
import { drawnMultiplier, type NoiseSource } from './noise.js';
import { noiseFor } from './noise-ahead/index.js';
import { checkRange, PrivateTraining } from './private-training.js';

/** What is to be trained, and how. */
export interface PrivateOptions {
  /**
   * Builds the model, its weights as they are to start from. Its output is one row of logits an example. It is built on the backend that trains it.
   */
  readonly model: (tf: TensorFlow) => LayersModel;
  /** Makes the optimizer, which follows the noisy gradients: any of TensorFlow.js. */
  readonly optimizer: (tf: TensorFlow) => Optimizer;
  readonly data: Examples;
  /** Expected examples in a step: each enters with probability `batchSize / data.count`. */
  readonly batchSize: number;
  /** Passes over the data, on average. */
  readonly epochs: number;
  /** L2 bound on one example's gradient; where it is adaptive, that of the first step. */
  readonly maxGradNorm: number;
  /** Default: `flat`. */
  readonly clipping?: Clipping;
  /** Lets the bound follow the norms of the gradients. Left out: it stays. */
  readonly adaptiveClip?: AdaptiveClip;
  /** Where sampling and noise come from: the operating system's generator, for real data. */
  readonly random: RandomSource;
  /** Default: `pld`, the tight one. */
  readonly accountant?: AccountantName;
  /** Default: the fastest that runs here. */
  readonly backend?: TensorFlowBackend;
  /** Examples whose gradients are worked on at once. Default: 512. */
  readonly physicalBatch?: number;
}

/**
 * Private training with a given amount of noise.
 *
 * @throws TuttiError `dp.settings` when a number is out of range, `training.examples` when the data does not fit the model
 * @throws Refusal `dp.model` when a layer cannot be trained with privacy for each example
 */
export async function makePrivate(
  options: PrivateOptions & { readonly noiseMultiplier: number },
): Promise<PrivateTraining> {
  const plan = planOf(options);
  checkRange('noiseMultiplier', options.noiseMultiplier, options.noiseMultiplier > 0, 'positive');
  return start(options, plan, () => options.noiseMultiplier);
}

/**
 * Private training with the least noise that keeps (`targetEpsilon`, `targetDelta`) over all epochs.
 *
 * @throws as {@link makePrivate}, and Refusal `privacy.unreachable-target` or `dp.unreachable` when no amount of noise reaches the target
 */
export async function makePrivateWithEpsilon(
  options: PrivateOptions & { readonly targetEpsilon: number; readonly targetDelta: number },
): Promise<PrivateTraining> {
  const { targetEpsilon: epsilon, targetDelta: delta, accountant = 'pld' } = options;
  const plan = planOf(options);
  checkRange('targetEpsilon', epsilon, epsilon > 0, 'positive');
  checkRange('targetDelta', delta, delta > 0 && delta < 1, 'between 0 and 1');
  const accounted = calibrateNoiseMultiplier({
    epsilon,
    delta,
    accountant,
    eventFor: (multiplier) => ({
      kind: 'repeated',
      count: plan.steps,
      event: stepEvent(plan.samplingRate, multiplier),
    }),
  });
  return start(options, plan, (dimension) => {
    const drawn = drawnMultiplier(accounted, dimension);
    if (Number.isFinite(drawn)) return drawn;
    throw new Refusal(
      'dp.unreachable',
      `A model of ${dimension} parameters is too large for so much noise.`,
      'Ask for a larger epsilon, or train fewer parameters.',
    );
  });
}

interface Plan {
  readonly samplingRate: number;
  readonly steps: number;
}

function planOf(options: PrivateOptions): Plan {
  const { data, batchSize, epochs, maxGradNorm, adaptiveClip, physicalBatch = 512 } = options;
  checkRange(
    'batchSize',
    batchSize,
    batchSize > 0 && batchSize <= data.count,
    `above 0 and at most ${data.count}`,
  );
  checkRange('epochs', epochs, epochs > 0, 'positive');
  checkRange('maxGradNorm', maxGradNorm, maxGradNorm > 0, 'positive');
  const { target = 0.5, learningRate = 0.2, deviation = 1 } = adaptiveClip ?? {};
  checkRange('adaptiveClip.target', target, target > 0 && target < 1, 'between 0 and 1');
  checkRange('adaptiveClip.learningRate', learningRate, learningRate > 0, 'positive');
  checkRange('adaptiveClip.deviation', deviation, deviation > 0, 'positive');
  checkRange(
    'physicalBatch',
    physicalBatch,
    Number.isInteger(physicalBatch) && physicalBatch > 0,
    'a positive whole number',
  );
  const samplingRate = batchSize / data.count;
  return { samplingRate, steps: Math.ceil(epochs / samplingRate) };
}

async function start(
  options: PrivateOptions,
  plan: Plan,
  multiplierFor: (dimension: number) => number,
): Promise<PrivateTraining> {
  const backend = options.backend ?? (await fastestBackend());
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = options.model(tf);
  const optimizer = options.optimizer(tf);
  let noise: NoiseSource | undefined;
  try {
    const parameters = model.trainableWeights.reduce(
      (size, { shape }) => size + shape.reduce<number>((product, side) => product * Number(side), 1),
      0,
    );
    // The count of an adaptive clip norm is one coordinate more.
    const noiseMultiplier = multiplierFor(parameters + (options.adaptiveClip === undefined ? 0 : 1));
    noise = await noiseFor(parameters, options.random);
    return new PrivateTraining(tf, backend, {
      ...plan,
      model,
      optimizer,
      data: options.data,
      expectedBatch: options.batchSize,
      maxGradNorm: options.maxGradNorm,
      clipping: options.clipping ?? 'flat',
      adaptiveClip: options.adaptiveClip,
      noiseMultiplier,
      accountant: options.accountant ?? 'pld',
      random: options.random,
      noise,
      physicalBatch: options.physicalBatch ?? 512,
    });
  } catch (error) {
    model.dispose();
    optimizer.dispose();
    await noise?.dispose();
    throw error;
  }
}
