import type { LayersModel, Optimizer } from '@tensorflow/tfjs';
import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { epsilonOf, type PrivacyEvent } from '@tutti/shared/privacy';
import { checkSettings, checkWeights } from '../training/checks.js';
import { Serial } from '../training/serial.js';
import { fastestBackend, requireBackend, useBackend } from '../training/tensorflow/backends.js';
import { inputsOf, outputsOf } from '../training/tensorflow/batch.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import { TensorFlowTrainer } from '../training/tensorflow/trainer.js';
import { trainableVariables, writeWeights } from '../training/tensorflow/weights.js';
import type {
  Evaluation,
  Examples,
  Trainer,
  TrainingControl,
  TrainingSettings,
} from '../training/trainer.js';
import { stepEvent } from './events.js';
import { checkModel } from './model-check.js';
import { accountedMultiplier } from './noise.js';
import { checkRange, PrivateTraining } from './private-training.js';

/** Where a silo keeps how many private steps its examples have been through, over all rounds. */
export interface StepCount {
  read(): Promise<number>;
  /** Resolves when the number is durable: training waits for it. */
  write(steps: number): Promise<void>;
}

/** The guarantee that a silo gives each of its examples. */
export interface SiloOptions {
  readonly model: (tf: TensorFlow) => LayersModel;
  /** Deviation of the noise on the sum of a step over `maxGradNorm`. */
  readonly noiseMultiplier: number;
  /** L2 bound on one example's gradient. */
  readonly maxGradNorm: number;
  /** Each example enters each step with this probability. */
  readonly samplingRate: number;
  /** What the sum of a step is divided by: public, and the same however many examples there are. */
  readonly expectedBatch: number;
  /** ε that no example is ever to exceed, at `delta`. A hard stop. */
  readonly epsilon: number;
  readonly delta: number;
  readonly steps: StepCount;
  /** Where sampling and noise come from: the operating system's generator, for real data. */
  readonly random: RandomSource;
  /** Default: the fastest that runs here. */
  readonly backend?: TensorFlowBackend;
  /** Examples whose gradients are worked on at once. Default: 512. */
  readonly physicalBatch?: number;
}

/** A trainer that bounds what each example of its silo adds to everything that ever leaves. */
export interface SiloTrainer extends Trainer {
  /** Privacy spent so far on each example, at the silo's δ. */
  epsilon(): Promise<number>;
}

/**
 * A trainer for one silo of a federation whose every training is DP-SGD (Abadi et al., CCS 2016): the unit is one example, the neighbouring relation adding or removing it. It needs nobody's
 * consent and trusts nobody: whatever the job says and whoever looks, the coordinator too, sees only what was computed from noisy sums. Rounds compose; sampling of cohorts is not counted on.
 * Examples of other silos are none of its concern: each silo has its own ε.
 *
 * A round takes `epochs / samplingRate` steps. Its cost is durable before the data are read, so that a crash overstates it.
 *
 * @throws TuttiError `dp.settings` when a number is out of range, `training.backend` when the backend does not run here
 * @throws Refusal `dp.model` when a layer cannot be trained with privacy for each example
 */
export async function createSiloTrainer(options: SiloOptions): Promise<SiloTrainer> {
  const { noiseMultiplier, maxGradNorm, samplingRate, expectedBatch, epsilon, delta } = options;
  checkRange('noiseMultiplier', noiseMultiplier, noiseMultiplier > 0, 'positive');
  checkRange('maxGradNorm', maxGradNorm, maxGradNorm > 0, 'positive');
  checkRange('samplingRate', samplingRate, samplingRate > 0 && samplingRate <= 1, 'above 0 and at most 1');
  checkRange('expectedBatch', expectedBatch, expectedBatch > 0, 'positive');
  checkRange('epsilon', epsilon, epsilon > 0, 'positive');
  checkRange('delta', delta, delta > 0 && delta < 1, 'between 0 and 1');
  const backend = options.backend ?? (await fastestBackend());
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = options.model(tf);
  try {
    checkModel(model);
    return new PrivateSilo(tf, backend, model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

class PrivateSilo implements SiloTrainer {
  readonly parameters: number;
  private readonly plain: TensorFlowTrainer;
  private readonly serial = new Serial();

  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly model: LayersModel,
    private readonly options: SiloOptions,
  ) {
    this.plain = new TensorFlowTrainer(tf, backend, {
      model,
      variables: { shared: trainableVariables(model), personal: [] },
      inputs: inputsOf(model),
      classes: outputsOf(model),
    });
    this.parameters = this.plain.parameters;
  }

  initialWeights(): Float32Array {
    return this.plain.initialWeights();
  }

  /** `uniform` is not drawn from: who is in a batch must be as secret as the noise, and comes from the silo's own generator. */
  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    _uniform: () => number,
    { signal, progress }: TrainingControl = {},
  ): Promise<Float32Array> {
    checkWeights(this, weights);
    checkSettings({ classes: outputsOf(this.model) }, settings);
    refuseUnused(settings);
    const { noiseMultiplier, maxGradNorm, samplingRate, expectedBatch, random } = this.options;
    const { physicalBatch = 512 } = this.options;
    return this.serial.run(async () => {
      signal?.throwIfAborted();
      const perEpoch = Math.max(1, Math.round(1 / samplingRate));
      const steps = settings.epochs * perEpoch;
      await this.pay(steps);
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
          physicalBatch,
        });
        while (training.stepsLeft > 0) {
          await training.step();
          signal?.throwIfAborted();
          const { stepsTaken } = training;
          // The loss of a batch is protected by nothing: it is not told.
          if (stepsTaken % perEpoch === 0)
            progress?.({
              epoch: stepsTaken / perEpoch,
              epochs: settings.epochs,
              steps: stepsTaken,
              loss: NaN,
            });
        }
        return training.weights();
      } finally {
        optimizer.dispose();
      }
    });
  }

  evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    return this.serial.run(() => this.plain.evaluate(weights, examples));
  }

  async epsilon(): Promise<number> {
    return this.epsilonAfter(await this.options.steps.read());
  }

  dispose(): void {
    this.plain.dispose();
  }

  /** @throws Refusal `dp.exhausted` when so many more steps would exceed the silo's ε: then no step is taken */
  private async pay(steps: number): Promise<void> {
    const { steps: count, epsilon } = this.options;
    const after = (await count.read()) + steps;
    const spent = this.epsilonAfter(after);
    if (!(spent <= epsilon)) {
      throw new Refusal(
        'dp.exhausted',
        `This round would bring ε of each example of this silo to ${spent.toFixed(2)}; its limit is ${epsilon}.`,
        'The silo takes no further part. Its owner may raise the limit, or plan with more noise from the start.',
      );
    }
    await count.write(after);
  }

  private epsilonAfter(count: number): number {
    const { samplingRate, noiseMultiplier, delta } = this.options;
    if (count === 0) return 0;
    const accounted = accountedMultiplier(noiseMultiplier, this.parameters);
    const event: PrivacyEvent = { kind: 'repeated', count, event: stepEvent(samplingRate, accounted) };
    return epsilonOf(event, { delta, accountant: 'pld' });
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
