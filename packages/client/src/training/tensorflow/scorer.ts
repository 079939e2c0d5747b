import type { LayersModel, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { checkWeights } from '../checks.js';
import type { Scorer } from '../scorer.js';
import { requireBackend, useBackend } from './backends.js';
import { inputShapeOf, inputsOf, outputsOf } from './batch.js';
import type { ModelBuilder } from './layers-trainer.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import { trainableVariables, writeWeights } from './weights.js';

/**
 * The scorer of a classifier of layers, which must put out logits.
 *
 * @throws TuttiError `training.backend` when the backend does not run here, `training.weights` when the weights do not fit
 */
export async function createModelScorer(
  build: ModelBuilder,
  backend: TensorFlowBackend,
  weights?: Float32Array,
): Promise<Scorer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = await build(tf);
  if (weights !== undefined) {
    const variables = trainableVariables(model);
    checkWeights({ parameters: variables.reduce((sum, variable) => sum + variable.size, 0) }, weights);
    writeWeights(tf, variables, weights);
  }
  return new ModelScorer(tf, backend, model);
}

class ModelScorer implements Scorer {
  readonly inputs: number;
  readonly classes: number;

  constructor(
    private readonly tf: TensorFlow,
    private readonly backend: TensorFlowBackend,
    private readonly model: LayersModel,
  ) {
    this.inputs = inputsOf(model);
    this.classes = outputsOf(model);
  }

  async predict(rows: readonly Float64Array[]): Promise<readonly Float64Array[]> {
    return this.vectors(rows.length, this.classes, () => this.probabilities(this.batch(rows)));
  }

  async gradient(rows: readonly Float64Array[], label: number): Promise<readonly Float64Array[]> {
    // Rows do not mix in a forward pass, so that the gradient of the sum holds the gradient of each.
    const sum = (batch: Tensor) =>
      this.probabilities(batch)
        .gather(this.tf.tensor1d([label], 'int32'), 1)
        .sum();
    return this.vectors(rows.length, this.inputs, () => this.tf.grad(sum)(this.batch(rows)));
  }

  dispose(): void {
    this.model.dispose();
  }

  private batch(rows: readonly Float64Array[]): Tensor {
    const values = new Float32Array(rows.length * this.inputs);
    rows.forEach((row, index) => values.set(row, index * this.inputs));
    return this.tf.tensor(values, [rows.length, ...inputShapeOf(this.model)]);
  }

  private probabilities(batch: Tensor): Tensor2D {
    return this.tf.softmax(this.model.apply(batch, { training: false }) as Tensor2D);
  }

  private async vectors(count: number, length: number, compute: () => Tensor): Promise<Float64Array[]> {
    useBackend(this.tf, this.backend);
    const result = this.tf.tidy(compute);
    const values = await result.data<'float32'>();
    result.dispose();
    return Array.from({ length: count }, (_, row) =>
      Float64Array.from(values.subarray(row * length, (row + 1) * length)),
    );
  }
}
