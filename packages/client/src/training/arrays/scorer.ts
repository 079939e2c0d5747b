import { DenseNetwork, layoutOf, type ModelSpec } from '@tutti/shared/learning';
import { checkWeights } from '../checks.js';
import type { Scorer } from '../scorer.js';

/** A dense softmax classifier in double precision: a row at a time, for explanations, where exactness counts and speed does not. */
export class DenseScorer implements Scorer {
  readonly inputs: number;
  readonly classes: number;
  private readonly network: DenseNetwork;

  constructor(spec: ModelSpec, weights: Float32Array) {
    checkWeights(layoutOf(spec), weights);
    this.network = new DenseNetwork(spec, weights);
    this.inputs = spec.inputs;
    this.classes = spec.classes;
  }

  predict(rows: readonly Float64Array[]): Promise<readonly Float64Array[]> {
    return Promise.resolve(rows.map((row) => this.network.probabilities(row)));
  }

  gradient(rows: readonly Float64Array[], label: number): Promise<readonly Float64Array[]> {
    return Promise.resolve(rows.map((row) => this.network.probabilityGradient(row, label)));
  }

  dispose(): void {
    // Typed arrays are the garbage collector's.
  }
}
