import type { LayersModel, Optimizer, Tensor } from '@tensorflow/tfjs';
import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { epsilonOf, type AccountantName, type PrivacyEvent } from '@tutti/shared/privacy';
import { useBackend } from '../training/tensorflow/backends.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import { Turns } from '../training/turns.js';
import type { TensorFlowTrainer } from '../training/tensorflow/trainer.js';
import { readWeights, trainableVariables } from '../training/tensorflow/weights.js';
import type { Evaluation, Examples } from '../training/trainer.js';
import { ClipNorm, type AdaptiveClip } from './adaptive-clip.js';
import { BatchSum, inOrder } from './batch-sum.js';
import type { Clipping } from './clip.js';
import { stepEvent } from './events.js';
import { checkModel } from './model-check.js';
import { accountedMultiplier, type NoiseSource } from './noise.js';
import { plainTrainer } from './plain-trainer.js';

/** Everything that a private training is made of, with its noise decided. */
export interface PrivateTrainingSettings {
  readonly model: LayersModel;
  readonly optimizer: Optimizer;
  readonly data: Examples;
  /** Each example enters each step with this probability, independently of all else. */
  readonly samplingRate: number;
  /** What the sum of a step is divided by, whatever the size of its batch. */
  readonly expectedBatch: number;
  /** L2 bound on one example's gradient; where it is adaptive, that of the first step. */
  readonly maxGradNorm: number;
  readonly clipping: Clipping;
  readonly adaptiveClip?: AdaptiveClip | undefined;
  /** Deviation of the noise on the sum of a step over `maxGradNorm`. */
  readonly noiseMultiplier: number;
  /** Steps after which training refuses to go on. */
  readonly steps: number;
  readonly accountant: AccountantName;
  /** Where sampling comes from, and what says whether anybody could recompute the noise. */
  readonly random: RandomSource;
  /** Noise for sums of as many numbers as the model trains, from the same generator. */
  readonly noise: NoiseSource;
  /** Examples whose gradients are worked on at once: bounds the memory, not the privacy. */
  readonly physicalBatch: number;
  /**
   * What becomes of a gradient that is not finite. `refuse` (the default): the step fails, which its caller can see. `leave-out`: it counts as zero, so that
   * whoever chose the weights cannot tell by a failure which examples there are.
   */
  readonly notFinite?: 'refuse' | 'leave-out';
}

/**
 * Differentially private training of a classifier with each example as the unit of privacy: DP-SGD (Abadi et al., "Deep learning with
 * differential privacy", CCS 2016) with Poisson-sampled batches. The neighbouring relation is adding or removing one example.
 *
 * Whoever sees the model after any number of steps is bounded by {@link epsilon}. Nothing else that a step computes leaves it.
 */
export class PrivateTraining {
  private taken = 0;
  /** The sum of a step, kept from one to the next: fresh memory costs as much as drawing the noise. */
  private readonly sum: Float64Array;
  private readonly turns: Turns;
  private readonly clip: ClipNorm;
  private readonly batches: BatchSum;
  private readonly evaluator: TensorFlowTrainer;

  /** @throws Refusal `dp.model` when a layer cannot be trained with privacy for each example */
  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly settings: PrivateTrainingSettings,
  ) {
    const { model } = settings;
    checkModel(model);
    this.batches = new BatchSum(tf, settings);
    this.evaluator = plainTrainer(tf, backend, model);
    this.sum = new Float64Array(this.evaluator.parameters);
    this.turns = new Turns(() => useBackend(tf, backend));
    const { maxGradNorm, expectedBatch, noiseMultiplier, adaptiveClip } = settings;
    this.clip = new ClipNorm(maxGradNorm, expectedBatch, adaptiveClip);
    // What cannot be split between gradients and count is refused now, not at the first step.
    this.clip.gradientMultiplier(noiseMultiplier);
  }

  get model(): LayersModel {
    return this.settings.model;
  }

  /** Deviation of the noise on the sum of a step over the clip norm. */
  get noiseMultiplier(): number {
    return this.settings.noiseMultiplier;
  }

  /** L2 bound on one example's gradient in the next step. Public: it has been moved by noisy counts only. */
  get clipNorm(): number {
    return this.clip.value;
  }

  get stepsTaken(): number {
    return this.taken;
  }

  /** Steps that are left. */
  get stepsLeft(): number {
    return this.settings.steps - this.taken;
  }

  /** True when the noise can be recomputed from a seed: then no privacy is claimed. */
  get seeded(): boolean {
    return this.settings.random.kind === 'seeded';
  }

  /** What the steps so far have cost, for any accountant. */
  get events(): readonly PrivacyEvent[] {
    if (this.taken === 0) return [];
    const { samplingRate, noiseMultiplier } = this.settings;
    // The count of an adaptive clip norm is one coordinate more.
    const coordinates = this.evaluator.parameters + (this.settings.adaptiveClip === undefined ? 0 : 1);
    const accounted = accountedMultiplier(noiseMultiplier, coordinates);
    return [{ kind: 'repeated', count: this.taken, event: stepEvent(samplingRate, accounted) }];
  }

  /** Privacy spent by the steps so far, at `delta`. */
  epsilon(delta: number): number {
    return this.taken === 0 ? 0 : epsilonOf(this.events, { delta, accountant: this.settings.accountant });
  }

  /**
   * Takes one step: samples a batch (which may be empty), clips, adds, adds noise, and lets the optimizer follow the result over the expected size of
   * a batch.
   *
   * @throws Refusal `dp.exhausted` when all steps are taken
   * @throws TuttiError `dp.not-finite` when the gradient of an example is not finite, `dp.noise-thread` when the thread that draws the noise has died; the step then
   * counts as taken, and the model is as it was
   */
  async step(): Promise<void> {
    const { expectedBatch, noise, noiseMultiplier, optimizer, physicalBatch, random, steps } = this.settings;
    if (this.taken >= steps) {
      throw new Refusal(
        'dp.exhausted',
        `All ${steps} steps that the privacy target allows are taken.`,
        'Use the model as it is, or plan more steps from the start.',
      );
    }
    // Before anything depends on the data: what fails has been paid for.
    this.taken++;
    useBackend(this.tf, this.backend);
    try {
      const rows = this.batches.draw();
      const within = this.batches.addUp(inOrder(rows, physicalBatch), this.clip.value, this.sum);
      noise.addTo(this.sum, this.clip.gradientMultiplier(noiseMultiplier) * this.clip.value);
      this.tf.tidy(() => optimizer.applyGradients(this.named(expectedBatch)));
      this.clip.follow(within, rows.length, noiseMultiplier, random);
    } finally {
      // Nothing that is protected by nothing outlives the step.
      this.sum.fill(0);
    }
    if (this.turns.due) await this.turns.take();
  }

  /** Takes as many steps as pass over the data once on average, or as are left. */
  async epoch(): Promise<void> {
    const steps = Math.min(this.stepsLeft, Math.max(1, Math.round(1 / this.settings.samplingRate)));
    for (let step = 0; step < steps; step++) await this.step();
  }

  /** Trainable weights in one vector, as a {@link Trainer} takes them. */
  weights(): Float32Array {
    return readWeights(trainableVariables(this.model));
  }

  /** Loss and accuracy on rows that are public, or to be known by nobody else: no privacy is spent and none is given. */
  evaluate(examples: Examples): Promise<Evaluation> {
    return this.evaluator.evaluate(this.weights(), examples);
  }

  /** Frees the model, and disposes of the noise. */
  dispose(): void {
    void this.settings.noise.dispose();
    this.settings.optimizer.dispose();
    this.evaluator.dispose();
  }

  private named(expectedBatch: number): Record<string, Tensor> {
    const named: Record<string, Tensor> = {};
    const share = 1 / expectedBatch;
    let offset = 0;
    for (const { name, size, shape } of trainableVariables(this.model)) {
      const values = new Float32Array(size);
      for (let at = 0; at < size; at++) values[at] = (this.sum[offset + at] as number) * share;
      named[name] = this.tf.tensor(values, shape);
      offset += size;
    }
    return named;
  }
}

/** @throws TuttiError `dp.settings` when a setting is out of range */
export function checkRange(name: string, value: number, fits: boolean, allowed: string): void {
  if (fits && Number.isFinite(value)) return;
  throw new TuttiError('dp.settings', `${name} is ${value}; it must be ${allowed}.`, `Correct ${name}.`);
}
