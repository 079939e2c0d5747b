import type { LayersModel, Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { checkExamples, checkSettings, checkSomeExamples, checkWeights } from '../checks.js';
import { trainLocally, type GradientEngine } from '../local-training.js';
import { scoreBatch } from '../scores.js';
import { Serial } from '../serial.js';
import type {
  Evaluation,
  Examples,
  PersonalWeights,
  Trainer,
  TrainingControl,
  TrainingSettings,
} from '../trainer.js';
import { Turns } from '../turns.js';
import { useBackend } from './backends.js';
import { featuresOf, targetsOf } from './batch.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import type { TrainedVariables } from './roles.js';
import { readWeights, writeWeights } from './weights.js';

const evaluationBatch = 256;

/** A model to be trained, and what is known of its data. */
export interface TrainableModel {
  /** Its output is one row of logits an example: the loss applies the softmax. */
  readonly model: LayersModel;
  /** Features of one example; the model's input shape holds as many. */
  readonly inputs: number;
  readonly classes: number;
  readonly variables: TrainedVariables;
}

/**
 * Trains a classifier of TensorFlow.js layers by a loop over its operations, without `model.fit`, which costs as much again for small batches.
 * Frozen layers stay as they are and are not in the weight vector; personal ones train and are not in it either.
 */
export class TensorFlowTrainer implements Trainer {
  readonly parameters: number;
  private readonly variables: readonly Variable[];
  private readonly serial = new Serial();
  private readonly initial: Float32Array;
  /** Of a client that keeps them nowhere else: they belong to the rows that they were trained on. */
  private readonly personal = new WeakMap<Examples, Float32Array>();

  /** Takes the model over: {@link dispose} disposes of it. */
  constructor(
    private readonly tf: TensorFlow,
    readonly backend: TensorFlowBackend,
    private readonly trainable: TrainableModel,
  ) {
    const { shared, personal } = trainable.variables;
    this.variables = [...shared, ...personal];
    this.initial = readWeights(this.variables);
    this.parameters = shared.reduce((sum, variable) => sum + variable.size, 0);
  }

  initialWeights(): Float32Array {
    return this.initial.slice(0, this.parameters);
  }

  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    uniform: () => number,
    control: TrainingControl = {},
  ): Promise<Float32Array> {
    checkWeights(this, weights);
    checkExamples(this.trainable, examples);
    checkSettings(this.trainable, settings);
    // All share the variables of the one model.
    return this.serial.run(async () => {
      const engine = this.engine(this.withPersonal(weights, examples, control.personal));
      await trainLocally(engine, examples, settings, uniform, control, this.turns());
      const own = engine.weights.slice(this.parameters);
      if (own.length > 0) this.keepPersonal(own, examples, control.personal);
      return engine.weights.slice(0, this.parameters);
    });
  }

  async evaluate(weights: Float32Array, examples: Examples, personal?: PersonalWeights): Promise<Evaluation> {
    let loss = 0;
    let correct = 0;
    await this.forward(weights, examples, personal, (probabilities, start, length) => {
      const labels = examples.labels.subarray(start, start + length);
      const score = scoreBatch(probabilities, labels, this.trainable.classes);
      loss += score.loss;
      correct += score.correct;
    });
    return { loss: loss / examples.count, accuracy: correct / examples.count };
  }

  async predict(
    weights: Float32Array,
    examples: Examples,
    personal?: PersonalWeights,
  ): Promise<Float32Array> {
    const { classes } = this.trainable;
    const all = new Float32Array(examples.count * classes);
    await this.forward(weights, examples, personal, (probabilities, start) =>
      all.set(probabilities, start * classes),
    );
    return all;
  }

  /** @param take - gets the class probabilities of each batch, its first row and how many it has */
  private async forward(
    weights: Float32Array,
    examples: Examples,
    personal: PersonalWeights | undefined,
    take: (probabilities: Float32Array, start: number, length: number) => void,
  ): Promise<void> {
    checkWeights(this, weights);
    checkExamples(this.trainable, examples);
    checkSomeExamples(examples);
    return this.serial.run(async () => {
      const turns = this.turns();
      this.load(this.withPersonal(weights, examples, personal));
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
        take(probabilities, start, length);
        await turns.take();
      }
    });
  }

  dispose(): void {
    this.trainable.model.dispose();
  }

  private turns(): Turns {
    return new Turns(() => useBackend(this.tf, this.backend));
  }

  /** The whole of what trains: what came, and what this client has for itself, or begins with. */
  private withPersonal(
    weights: Float32Array,
    examples: Examples,
    store: PersonalWeights | undefined,
  ): Float32Array {
    const whole = this.initial.slice();
    whole.set(weights);
    const own = store === undefined ? this.personal.get(examples) : store.read();
    if (own === undefined) return whole;
    checkWeights({ parameters: whole.length - this.parameters }, own);
    whole.set(own, this.parameters);
    return whole;
  }

  private keepPersonal(own: Float32Array, examples: Examples, store: PersonalWeights | undefined): void {
    if (store === undefined) this.personal.set(examples, own);
    else store.write(own);
  }

  private load(weights: Float32Array): void {
    useBackend(this.tf, this.backend);
    writeWeights(this.tf, this.variables, weights);
  }

  private engine(weights: Float32Array): GradientEngine {
    const held = weights.slice();
    const gradient = new Float32Array(weights.length);
    this.load(held);
    return {
      weights: held,
      gradient,
      commit: () => writeWeights(this.tf, this.variables, held),
      differentiate: (examples, rows, classWeights) =>
        this.differentiate(gradient, examples, rows, classWeights),
    };
  }

  /** Leaves no tensor behind. */
  private differentiate(
    gradient: Float32Array,
    examples: Examples,
    rows: Int32Array,
    classWeights: readonly number[] | undefined,
  ): number {
    const { tf } = this;
    return tf.tidy(() => {
      const x = featuresOf(tf, this.trainable.model, examples, rows);
      const target = targetsOf(tf, this.trainable.classes, examples, rows);
      const { SUM } = tf.Reduction;
      const factors =
        classWeights && tf.tensor1d(Array.from(rows, (row) => classWeights[examples.labels[row] ?? 0] ?? 1));
      const { value, grads } = tf.variableGrads(() => {
        const logits = this.trainable.model.apply(x, { training: true }) as Tensor2D;
        return tf.losses.softmaxCrossEntropy<Tensor2D, Scalar>(target, logits, factors, 0, SUM);
      }, [...this.variables]);
      let offset = 0;
      for (const { name, size } of this.variables) {
        const slopes = grads[name]?.dataSync<'float32'>();
        for (let at = 0; at < size; at++) gradient[offset + at] = (slopes?.[at] ?? 0) / rows.length;
        offset += size;
      }
      const [loss = NaN] = value.dataSync<'float32'>();
      return loss;
    });
  }
}
