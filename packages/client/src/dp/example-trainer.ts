import type { LayersModel, Optimizer } from '@tensorflow/tfjs';
import type { RandomSource } from '@tutti/shared/crypto';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { checkSettings, checkWeights } from '../training/checks.js';
import { Serial } from '../training/serial.js';
import { useBackend } from '../training/tensorflow/backends.js';
import { outputsOf } from '../training/tensorflow/batch.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import type { TensorFlowTrainer } from '../training/tensorflow/trainer.js';
import { trainableVariables, writeWeights } from '../training/tensorflow/weights.js';
import type {
  Evaluation,
  ExampleProtection,
  Examples,
  Trainer,
  TrainingControl,
  TrainingSettings,
} from '../training/trainer.js';
import { noiseFor } from './noise-ahead/index.js';
import { plainTrainer } from './plain-trainer.js';
import { PrivateTraining } from './private-training.js';

export interface ExampleTrainerOptions {
  /** Deviation of the noise on the sum of a step over `maxGradNorm`, as drawn. */
  readonly noiseMultiplier: number;
  /** L2 bound on one example's gradient. */
  readonly maxGradNorm: number;
  /** Each example enters each step with this probability. */
  readonly samplingRate: number;
  /** What the sum of a step is divided by: public, and the same however many examples there are. */
  readonly expectedBatch: number;
  /** Steps of one training. Default: `epochs / samplingRate`. */
  readonly steps?: number | undefined;
  /** Where sampling and noise come from, unless a training says otherwise. Default: the operating system's generator. */
  readonly random?: RandomSource | undefined;
  /** Examples whose gradients are worked on at once. Default: 512. */
  readonly physicalBatch?: number | undefined;
  /** What a job asks for and this trainer keeps. */
  readonly protection?: ExampleProtection | undefined;
  /** Resolves when so many steps are paid for; before that no data are read. Default: the caller has seen to it. */
  readonly pay?: ((steps: number) => Promise<void>) | undefined;
}

/**
 * A trainer whose every training is DP-SGD with one example as the unit. `uniform` is not drawn from: who is in a batch must be as secret as the noise. The loss of a batch is
 * protected by nothing, and is not told.
 */
export class ExampleTrainer implements Trainer {
  readonly parameters: number;
  private readonly plain: TensorFlowTrainer;
  private readonly serial = new Serial();

  /** @param model - checked by `checkModel`; {@link dispose} disposes of it */
  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly model: LayersModel,
    private readonly options: ExampleTrainerOptions,
  ) {
    this.plain = plainTrainer(tf, backend, model);
    this.parameters = this.plain.parameters;
  }

  get protection(): ExampleProtection | undefined {
    return this.options.protection;
  }

  initialWeights(): Float32Array {
    return this.plain.initialWeights();
  }

  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    _uniform: () => number,
    { signal, progress, random = this.options.random ?? systemRandom }: TrainingControl = {},
  ): Promise<Float32Array> {
    checkWeights(this, weights);
    checkSettings({ classes: outputsOf(this.model) }, settings);
    refuseUnused(settings);
    const { noiseMultiplier, maxGradNorm, samplingRate, expectedBatch, physicalBatch = 512 } = this.options;
    return this.serial.run(async () => {
      signal?.throwIfAborted();
      const perEpoch = Math.max(1, Math.round(1 / samplingRate));
      const steps = this.options.steps ?? settings.epochs * perEpoch;
      await this.options.pay?.(steps);
      const noise = await noiseFor(this.parameters, random);
      useBackend(this.tf, this.backend);
      writeWeights(this.tf, trainableVariables(this.model), weights);
      const optimizer = optimizerOf(this.tf, settings);
      try {
        const training = new PrivateTraining(this.tf, this.backend, {
          model: this.model,
          optimizer,
          data: examples,
          samplingRate,
          expectedBatch,
          maxGradNorm,
          clipping: 'flat',
          noiseMultiplier,
          steps,
          accountant: 'pld',
          random,
          noise,
          physicalBatch,
          notFinite: 'leave-out',
        });
        while (training.stepsLeft > 0) {
          await training.step();
          signal?.throwIfAborted();
          const { stepsTaken } = training;
          if (stepsTaken % perEpoch === 0) {
            const epochs = Math.ceil(steps / perEpoch);
            progress?.({ epoch: stepsTaken / perEpoch, epochs, steps: stepsTaken, loss: NaN });
          }
        }
        return training.weights();
      } finally {
        optimizer.dispose();
        await noise.dispose();
      }
    });
  }

  evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    return this.serial.run(() => this.plain.evaluate(weights, examples));
  }

  dispose(): void {
    this.plain.dispose();
  }
}

function optimizerOf(
  tf: TensorFlow,
  { optimiser = 'sgd', learningRate, momentum = 0.9 }: TrainingSettings,
): Optimizer {
  switch (optimiser) {
    case 'sgd':
      return tf.train.sgd(learningRate);
    case 'momentum':
      return tf.train.momentum(learningRate, momentum);
    case 'adam':
      return tf.train.adam(learningRate, momentum);
  }
}

/** What would be left undone is refused: a job must not believe that it was done. */
function refuseUnused(settings: TrainingSettings): void {
  const { proximal = 0, weightDecay = 0, maximumGradientNorm, classWeights, earlyStop } = settings;
  const unused = [
    proximal > 0 && 'proximal',
    weightDecay > 0 && 'weightDecay',
    maximumGradientNorm !== undefined && 'maximumGradientNorm',
    classWeights !== undefined && 'classWeights',
    earlyStop !== undefined && 'earlyStop',
  ].filter((name) => name !== false);
  if (unused.length === 0) return;
  throw new Refusal(
    'dp.settings',
    `A silo that protects each example does not train with ${unused.join(', ')}.`,
    'Leave them out of the job, or train without privacy for each example.',
  );
}
