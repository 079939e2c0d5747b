import { drawInitialWeights, layoutOf, type ModelLayout, type ModelSpec } from '@tutti/shared/learning';
import { shuffledBatches } from '../batches.js';
import { checkExamples, checkSettings, checkSomeExamples, checkWeights } from '../checks.js';
import type { Evaluation, Examples, Trainer, TrainingSettings } from '../trainer.js';
import { scoreBatch } from '../scores.js';
import { DenseNetwork } from './network.js';

const evaluationBatch = 256;

/**
 * Trains on plain typed arrays, without TensorFlow.js: for models below some 50,000 parameters the fastest there is, as a
 * step costs less than TensorFlow.js needs to dispatch its operations. The same draws give the same weights, bit for bit.
 */
export class ArraysTrainer implements Trainer {
  readonly backend = 'arrays';
  readonly parameters: number;
  private readonly layout: ModelLayout;
  private readonly network: DenseNetwork;

  constructor(private readonly spec: ModelSpec) {
    this.layout = layoutOf(spec);
    this.parameters = this.layout.parameters;
    this.network = new DenseNetwork(this.layout);
  }

  initialWeights(): Float32Array {
    return drawInitialWeights(this.layout, this.spec.seed);
  }

  // The interface is asynchronous for backends that compute elsewhere; here the answer is there at once, and a wrong
  // argument still has to become a rejected promise.
  // eslint-disable-next-line @typescript-eslint/require-await
  async train(
    weights: Float32Array,
    examples: Examples,
    settings: TrainingSettings,
    uniform: () => number,
  ): Promise<Float32Array> {
    checkWeights(this.layout, weights);
    checkExamples(this.layout, examples);
    checkSettings(settings);
    const { network } = this;
    network.weights.set(weights);
    network.reserve(Math.min(settings.batchSize, examples.count));
    for (const rows of shuffledBatches(examples.count, settings, uniform)) {
      network.load(examples.features, examples.labels, rows);
      network.forward(rows.length);
      network.backward(rows.length);
      network.descend(settings.learningRate);
    }
    return network.weights.slice();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async evaluate(weights: Float32Array, examples: Examples): Promise<Evaluation> {
    checkWeights(this.layout, weights);
    checkExamples(this.layout, examples);
    checkSomeExamples(examples);
    const { network } = this;
    network.weights.set(weights);
    network.reserve(Math.min(evaluationBatch, examples.count));
    let loss = 0;
    let correct = 0;
    for (let start = 0; start < examples.count; start += evaluationBatch) {
      const length = Math.min(evaluationBatch, examples.count - start);
      const rows = Int32Array.from({ length }, (_, row) => start + row);
      network.load(examples.features, examples.labels, rows);
      const score = scoreBatch(
        network.forward(length),
        examples.labels.subarray(start, start + length),
        this.layout.classes,
      );
      loss += score.loss;
      correct += score.correct;
    }
    return { loss: loss / examples.count, accuracy: correct / examples.count };
  }

  dispose(): void {
    // Typed arrays are the garbage collector's.
  }
}
