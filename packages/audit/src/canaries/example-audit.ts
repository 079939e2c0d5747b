import { Matrix } from 'ml-matrix';
import { classifierModel, makePrivate, makePrivateWithEpsilon, type PrivateTraining } from '@tutti/client/dp';
import type { Examples } from '@tutti/client/training';
import { uniformStream } from '@tutti/shared/crypto';
import { DenseNetwork, type ModelSpec } from '@tutti/shared/learning';
import type { Randomness } from '@tutti/simulation';
import { guessBySign, type OneRunAudit } from '../bounds/one-run.js';
import { craftCanaries } from './craft.js';
import { CanaryDecoder } from './decoder.js';

export interface ExampleAuditOptions {
  readonly model: ModelSpec;
  /** Real rows, among which the canaries are put. */
  readonly examples: Examples;
  readonly claim: { readonly epsilon: number; readonly delta: number };
  readonly clipNorm: number;
  readonly canaries: number;
  readonly guesses: number;
  /** Of the noise that the claim needs: 1 is what is claimed. Above 0. */
  readonly noise: number;
  readonly randomness: Randomness;
  /** Told after every step. */
  readonly observe?: (step: number, steps: number) => void;
  readonly training?: Partial<ExampleTraining>;
}

/** How DP-SGD is run under the audit. */
export interface ExampleTraining {
  /** With which each example enters each step. */
  readonly samplingRate: number;
  readonly epochs: number;
  readonly learningRate: number;
}

/** Large batches: whether a canary was in a step is drowned by nothing but the noise, so that a missing noise cannot hide. */
export const EXAMPLE_TRAINING: ExampleTraining = { samplingRate: 0.5, epochs: 20, learningRate: 2 };

export interface CanaryOutcome extends OneRunAudit {
  readonly scores: Float64Array;
  readonly included: readonly boolean[];
  /** Of the noise as it was drawn. */
  readonly noiseMultiplier: number;
  /** As the accountant has it for the noise that the claim needs. */
  readonly claimedEpsilon: number;
}

/** Practically nothing, beside which the grid of the sums stays finer than 32-bit floats. */
const NO_NOISE = 1e-6;

/**
 * The one-run audit of DP-SGD (Steinke, Nasr and Jagielski 2023, arXiv 2305.08846): canary examples are put among the real ones as coins have it, the
 * model is trained by `makePrivate`, and the auditor, who sees the model after every step, guesses the coins.
 *
 * @throws as `makePrivateWithEpsilon`
 */
export async function auditExamples(options: ExampleAuditOptions): Promise<CanaryOutcome> {
  const { model, examples, claim, clipNorm, canaries, guesses, randomness, observe } = options;
  const { samplingRate, epochs, learningRate } = { ...EXAMPLE_TRAINING, ...options.training };
  const uniform = uniformStream(randomness.stream('audit/canaries'));
  const crafted = craftCanaries(examples, model, canaries, uniform);
  const included = Array.from({ length: canaries }, () => uniform() < 0.5);
  const data = withCanaries(examples, crafted, included, model.inputs);
  const settings = {
    model: classifierModel(model),
    optimizer: (tf: Parameters<ReturnType<typeof classifierModel>>[0]) => tf.train.sgd(learningRate),
    data,
    batchSize: samplingRate * data.count,
    epochs,
    maxGradNorm: clipNorm,
    random: randomness.stream('audit/training'),
  };
  const claimed = await makePrivateWithEpsilon({
    ...settings,
    targetEpsilon: claim.epsilon,
    targetDelta: claim.delta,
  });
  const training =
    options.noise === 1
      ? claimed
      : await makePrivate({
          ...settings,
          noiseMultiplier: claimed.noiseMultiplier * Math.max(NO_NOISE, options.noise),
        });
  try {
    const steps = training.stepsLeft;
    const decoder = new CanaryDecoder(canaries, samplingRate, training.noiseMultiplier * clipNorm);
    for (let step = 1; step <= steps; step++) {
      const before = training.weights();
      await training.step();
      const network = new DenseNetwork(model, before);
      decoder.observe({
        canaries: clippedGradients(network, crafted, clipNorm),
        real: clippedGradients(network, examples, clipNorm),
        sum: releasedSum(before, training, (data.count * samplingRate) / learningRate),
      });
      observe?.(step, steps);
    }
    const scores = decoder.scores();
    return {
      ...{ canaries, guesses, delta: claim.delta, scores, included },
      ...guessBySign(scores, included, guesses),
      noiseMultiplier: training.noiseMultiplier,
      claimedEpsilon: claim.epsilon,
    };
  } finally {
    training.dispose();
    if (training !== claimed) claimed.dispose();
  }
}

/** What plain SGD must have followed from `before` to the model as it is now. */
function releasedSum(before: Float32Array, training: PrivateTraining, scale: number): Float64Array {
  const after = training.weights();
  return Float64Array.from(before, (weight, index) => (weight - (after[index] ?? 0)) * scale);
}

function clippedGradients(
  network: DenseNetwork,
  { features, labels, count }: Examples,
  clipNorm: number,
): Matrix {
  const { inputs } = network.spec;
  const rows: Float64Array[] = [];
  for (let row = 0; row < count; row++) {
    const { weights } = network.gradient(
      features.subarray(row * inputs, (row + 1) * inputs),
      labels[row] ?? 0,
    );
    const norm = Math.sqrt(weights.reduce((sum, value) => sum + value * value, 0));
    const factor = norm > clipNorm ? clipNorm / norm : 1;
    rows.push(weights.map((value) => value * factor));
  }
  return new Matrix(rows);
}

function withCanaries(
  real: Examples,
  canaries: Examples,
  included: readonly boolean[],
  inputs: number,
): Examples {
  const chosen = [...included.keys()].filter((canary) => included[canary]);
  const count = real.count + chosen.length;
  const features = new Float32Array(count * inputs);
  const labels = new Int32Array(count);
  features.set(real.features);
  labels.set(real.labels);
  chosen.forEach((canary, index) => {
    const row = real.count + index;
    features.set(canaries.features.subarray(canary * inputs, (canary + 1) * inputs), row * inputs);
    labels[row] = canaries.labels[canary] ?? 0;
  });
  return { features, labels, count };
}
