import type { ModelSpec } from '@tutti/shared/learning';
import { DenseScorer } from './arrays/scorer.js';
import type { ModelBuilder } from './tensorflow/index.js';

/** A trained classifier that is asked, not trained: what explanations stand on. */
export interface Scorer {
  readonly inputs: number;
  readonly classes: number;
  /** Class probabilities, one vector a row. */
  predict(rows: readonly Float64Array[]): Promise<readonly Float64Array[]>;
  /** How the probability of one class changes with each feature, one vector a row. */
  gradient(rows: readonly Float64Array[], label: number): Promise<readonly Float64Array[]>;
  /** Frees what the scorer holds. */
  dispose(): void;
}

/**
 * The scorer of a dense classifier, in double precision, without TensorFlow.js.
 *
 * @throws TuttiError `training.weights` when the number of weights is not that of the model
 */
export function createScorer(spec: ModelSpec, weights: Float32Array): Scorer {
  return new DenseScorer(spec, weights);
}

/**
 * The scorer of any classifier of TensorFlow.js layers whose output is one row of logits an example. TensorFlow.js is loaded when
 * this is called.
 *
 * @param weights - of all trainable layers, in the order of the weight vector. Default: as the builder made them
 * @throws TuttiError `training.backend` when no backend runs here, `training.weights` when the weights do not fit
 */
export async function createLayersScorer(build: ModelBuilder, weights?: Float32Array): Promise<Scorer> {
  const { createModelScorer, fastestBackend } = await import('./tensorflow/index.js');
  return createModelScorer(build, await fastestBackend(), weights);
}
