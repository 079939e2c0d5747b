import type { LayersModel } from '@tensorflow/tfjs';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { l2Norm } from '@tutti/shared/privacy';
import { LARGEST_PART } from '@tutti/shared/protocol';
import { checkWeights } from '../training/checks.js';
import { Serial } from '../training/serial.js';
import { useBackend } from '../training/tensorflow/backends.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import type { TensorFlowTrainer } from '../training/tensorflow/trainer.js';
import { trainableVariables, writeWeights } from '../training/tensorflow/weights.js';
import type {
  Evaluation,
  Examples,
  SharedProtection,
  Trainer,
  TrainingControl,
} from '../training/trainer.js';
import { atRandom, BatchSum } from './batch-sum.js';
import { plainTrainer } from './plain-trainer.js';

/**
 * DP-SGD over many clients, of which each takes its part of one step: it adds up the clipped gradients of its own batch, and the noise, of which each client has a share, comes to the sum
 * when it is encoded (distributed noise: Kairouz, Liu, Steinke 2021; DP-SGD: Abadi et al. 2016). What is given has no noise in it, and is bound to leave through the encoder alone.
 */
export class SharedStepTrainer implements Trainer {
  readonly parameters: number;
  private readonly plain: TensorFlowTrainer;
  private readonly serial = new Serial();

  /** @param model - checked by `checkModel`; {@link dispose} disposes of it */
  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly model: LayersModel,
    readonly protection: SharedProtection,
  ) {
    this.plain = plainTrainer(tf, backend, model);
    this.parameters = this.plain.parameters;
  }

  initialWeights(): Float32Array {
    return this.plain.initialWeights();
  }

  /** @throws Refusal `dp.shared-noise`, always: weights that are handed out would have no noise in them */
  train(): Promise<Float32Array> {
    return Promise.reject(
      new Refusal(
        'dp.shared-noise',
        'Where clients share the noise, this one’s training has none, and its weights are not given out.',
        'Take its part of a step with step().',
      ),
    );
  }

  step(
    weights: Float32Array,
    examples: Examples,
    { signal, random = systemRandom }: TrainingControl = {},
  ): Promise<Float32Array> {
    checkWeights(this, weights);
    return this.serial.run(() => {
      signal?.throwIfAborted();
      const { tf, model } = this;
      const { clipNorm, batchRate, expectedBatch, learningRate, updateNorm } = this.protection;
      useBackend(tf, this.backend);
      writeWeights(tf, trainableVariables(model), weights);
      const batches = new BatchSum(tf, {
        model,
        data: examples,
        samplingRate: batchRate,
        clipping: 'flat',
        random,
        notFinite: 'leave-out',
      });
      const sum = new Float64Array(this.parameters);
      try {
        batches.addUp(atRandom(batches.draw(), LARGEST_PART, batches.uniform), clipNorm, sum);
        const factor = -learningRate / expectedBatch;
        const norm = l2Norm(sum) * Math.abs(factor);
        // Onto the ball: two sums are no further apart afterwards.
        const cut = norm > updateNorm ? factor * (updateNorm / norm) : factor;
        return Promise.resolve(Float32Array.from(sum, (value) => value * cut));
      } finally {
        sum.fill(0);
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
