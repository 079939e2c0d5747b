import type { LayersModel, Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { shuffledBatches } from '../batches.js';
import { checkExamples, checkSettings, checkSomeExamples, checkWeights } from '../checks.js';
import { scoreBatch } from '../scores.js';
import type { Evaluation, Examples, Trainer, TrainingSettings } from '../trainer.js';
import { useBackend } from './backends.js';
import { featuresOf, targetsOf } from './batch.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import { Turns } from './turns.js';
import { readWeights, trainableVariables, writeWeights } from './weights.js';

const evaluationBatch = 256;

/** A model to be trained, and what is known of its data. */
export interface TrainableModel {
  /** Its output is one row of logits an example: the loss applies the softmax. */
  readonly model: LayersModel;
  /** Features of one example; the model's input shape holds as many. */
  readonly inputs: number;
  readonly classes: number;
  readonly initialWeights: Float32Array;
}

/**
 * Trains a classifier of TensorFlow.js layers by a loop over its operations, without `model.fit`, which costs as much again for small batches.
 * Frozen layers stay as they are and are not in the weight vector.
 */
export class TensorFlowTrainer implements Trainer {
  readonly parameters: number;
  private readonly variables: readonly Variable[];
  private queue: Promise<unknown> = Promise.resolve();

  /** Takes the model over: {@link dispose} disposes of it. */
  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly trainable: TrainableModel,
  ) {
    this.variables = trainableVariables(trainable.model);
    this.parameters = this.variables.reduce((sum, variable) => sum + variable.size, 0);
  }

  initialWeights(): Float32Array {
    return this.trainable.initialWeights.slice();
  }

  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    uniform: () => number,
  ): Promise<Float32Array> {
    checkWeights(this, weights);
    checkExamples(this.trainable, examples);
    checkSettings(settings);
    return this.exclusively(async () => {
      this.load(weights);
      const turns = new Turns(this.tf, this.backend);
      for (const rows of shuffledBatches(examples.count, settings, uniform)) {
        this.step(examples, rows, settings.learningRate);
        await turns.yieldIfDue();
      }
      return readWeights(this.variables);
    });
  }

  async evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    checkWeights(this, weights);
    checkExamples(this.trainable, examples);
    checkSomeExamples(examples);
    return this.exclusively(async () => {
      this.load(weights);
      let loss = 0;
      let correct = 0;
      for (let start = 0; start < examples.count; start += evaluationBatch) {
        const length = Math.min(evaluationBatch, examples.count - start);
        const rows = Int32Array.from({ length }, (_, row) => start + row);
        const probabilities = this.tf.tidy(() => {
          const logits = this.trainable.model.apply(
            featuresOf(this.tf, this.trainable.model, examples, rows),
            { training: false },
          );
          return this.tf.softmax(logits as Tensor2D).dataSync<'float32'>();
        });
        const labels = examples.labels.subarray(start, start + length);
        const score = scoreBatch(probabilities, labels, this.trainable.classes);
        loss += score.loss;
        correct += score.correct;
        await this.tf.nextFrame();
        useBackend(this.tf, this.backend);
      }
      return { loss: loss / examples.count, accuracy: correct / examples.count };
    });
  }

  dispose(): void {
    this.trainable.model.dispose();
  }

  /** Runs one call after the other: all share the variables of the one model. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private load(weights: Float32Array): void {
    useBackend(this.tf, this.backend);
    writeWeights(this.tf, this.variables, weights);
  }

  /** One step of SGD on the named rows. Leaves no tensor behind. */
  private step(examples: Examples, rows: Int32Array, learningRate: number): void {
    const { tf } = this;
    tf.tidy(() => {
      const x = featuresOf(tf, this.trainable.model, examples, rows);
      const target = targetsOf(tf, this.trainable.classes, examples, rows);
      const { grads } = tf.variableGrads(() => {
        const logits = this.trainable.model.apply(x, { training: true }) as Tensor2D;
        return tf.losses.softmaxCrossEntropy<Tensor2D, Scalar>(target, logits);
      }, [...this.variables]);
      for (const variable of this.variables) {
        const gradient = grads[variable.name];
        if (gradient !== undefined) variable.assign(variable.sub(gradient.mul(learningRate)));
      }
    });
  }
}
