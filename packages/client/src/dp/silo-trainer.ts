import type { LayersModel } from '@tensorflow/tfjs';
import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { epsilonFigure, epsilonOf, type PrivacyEvent } from '@tutti/shared/privacy';
import { fastestBackend, requireBackend, useBackend } from '../training/tensorflow/backends.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import type { Trainer } from '../training/trainer.js';
import { stepEvent } from './events.js';
import { ExampleTrainer } from './example-trainer.js';
import { checkModel } from './model-check.js';
import { accountedMultiplier } from './noise.js';
import { checkRange } from './private-training.js';

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

class PrivateSilo extends ExampleTrainer implements SiloTrainer {
  constructor(
    tf: TensorFlow,
    backend: TensorFlowBackend,
    model: LayersModel,
    private readonly silo: SiloOptions,
  ) {
    super(tf, backend, model, { ...silo, steps: undefined, pay: (steps) => this.pay(steps) });
  }

  async epsilon(): Promise<number> {
    return this.epsilonAfter(await this.silo.steps.read());
  }

  /** @throws Refusal `dp.exhausted` when so many more steps would exceed the silo's ε: then no step is taken */
  private async pay(steps: number): Promise<void> {
    const { steps: count, epsilon } = this.silo;
    const after = (await count.read()) + steps;
    const spent = this.epsilonAfter(after);
    if (!(spent <= epsilon)) {
      throw new Refusal(
        'dp.exhausted',
        `This round would bring ε of each example of this silo to ${epsilonFigure(spent)}; its limit is ${epsilon}.`,
        'The silo takes no further part. Its owner may raise the limit, or plan with more noise from the start.',
      );
    }
    await count.write(after);
  }

  private epsilonAfter(count: number): number {
    const { samplingRate, noiseMultiplier, delta } = this.silo;
    if (count === 0) return 0;
    const accounted = accountedMultiplier(noiseMultiplier, this.parameters);
    const event: PrivacyEvent = { kind: 'repeated', count, event: stepEvent(samplingRate, accounted) };
    return epsilonOf(event, { delta, accountant: 'pld' });
  }
}
