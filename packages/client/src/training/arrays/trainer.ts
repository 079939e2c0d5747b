import { drawInitialWeights, layoutOf, type ModelLayout, type ModelSpec } from '@tutti/shared/learning';
import { checkExamples, checkSettings, checkSomeExamples, checkWeights } from '../checks.js';
import { trainLocally, type GradientEngine } from '../local-training.js';
import { scoreBatch, weightedLoss } from '../scores.js';
import { Serial } from '../serial.js';
import type { Evaluation, Examples, Trainer, TrainingControl, TrainingSettings } from '../trainer.js';
import { Turns } from '../turns.js';
import { DenseNetwork } from './network.js';

const evaluationBatch = 256;

/**
 * Trains on plain typed arrays, without TensorFlow.js: for models below some 50,000 parameters the fastest there is, as a
 * step costs less than TensorFlow.js needs to dispatch its operations. The same draws give the same weights, bit for bit.
 */
export class ArraysTrainer implements Trainer, GradientEngine {
  readonly backend = 'arrays';
  readonly parameters: number;
  private readonly layout: ModelLayout;
  private readonly network: DenseNetwork;
  private readonly serial = new Serial();

  constructor(private readonly spec: ModelSpec) {
    this.layout = layoutOf(spec);
    this.parameters = this.layout.parameters;
    this.network = new DenseNetwork(this.layout);
  }

  initialWeights(): Float32Array {
    return drawInitialWeights(this.layout, this.spec.seed);
  }

  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    uniform: () => number,
    control: TrainingControl = {},
  ): Promise<Float32Array> {
    checkWeights(this.layout, weights);
    checkExamples(this.layout, examples);
    checkSettings(this.layout, settings);
    // All share the working memory of one network.
    return this.serial.run(async () => {
      const { network } = this;
      network.weights.set(weights);
      network.reserve(Math.min(settings.batchSize, examples.count));
      await trainLocally(this, examples, settings, uniform, control, new Turns());
      return network.weights.slice();
    });
  }

  get weights(): Float32Array {
    return this.network.weights;
  }

  get gradient(): Float32Array {
    return this.network.gradient;
  }

  commit(): void {
    // The network computes with the very weights that the loop changes.
  }

  differentiate(examples: Examples, rows: Int32Array, classWeights: readonly number[] | undefined): number {
    const { network } = this;
    network.load(examples.features, examples.labels, rows);
    const probabilities = network.forward(rows.length);
    const loss = weightedLoss(probabilities, examples.labels, rows, classWeights, this.layout.classes);
    network.backward(rows.length, classWeights);
    return loss;
  }

  async evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    let loss = 0;
    let correct = 0;
    await this.forward(weights, examples, (probabilities, start, length) => {
      const labels = examples.labels.subarray(start, start + length);
      const score = scoreBatch(probabilities, labels, this.layout.classes);
      loss += score.loss;
      correct += score.correct;
    });
    return { loss: loss / examples.count, accuracy: correct / examples.count };
  }

  async predict(weights: Float32Array, examples: Examples): Promise<Float32Array> {
    const { classes } = this.layout;
    const all = new Float32Array(examples.count * classes);
    await this.forward(weights, examples, (probabilities, start, length) =>
      all.set(probabilities.subarray(0, length * classes), start * classes),
    );
    return all;
  }

  /** @param take - gets the class probabilities of each batch, its first row and how many it has */
  private async forward(
    weights: Float32Array,
    examples: Examples,
    take: (probabilities: Float32Array, start: number, length: number) => void,
  ): Promise<void> {
    checkWeights(this.layout, weights);
    checkExamples(this.layout, examples);
    checkSomeExamples(examples);
    return this.serial.run(() => {
      const { network } = this;
      network.weights.set(weights);
      network.reserve(Math.min(evaluationBatch, examples.count));
      for (let start = 0; start < examples.count; start += evaluationBatch) {
        const length = Math.min(evaluationBatch, examples.count - start);
        const rows = Int32Array.from({ length }, (_, row) => start + row);
        network.load(examples.features, examples.labels, rows);
        take(network.forward(length), start, length);
      }
      return Promise.resolve();
    });
  }

  dispose(): void {
    // Typed arrays are the garbage collector's.
  }
}
