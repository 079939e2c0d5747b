/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { layoutOf, type Activation, type ModelLayout, type ModelSpec } from '@tutti/shared/learning';
import { checkWeights } from '../checks.js';
import type { Scorer } from '../scorer.js';

/** A dense softmax classifier in double precision: a row at a time, for explanations, where exactness counts and speed does not. */
export class DenseScorer implements Scorer {
  readonly inputs: number;
  readonly classes: number;
  private readonly layout: ModelLayout;

  constructor(
    spec: ModelSpec,
    private readonly weights: Float32Array,
  ) {
    this.layout = layoutOf(spec);
    checkWeights(this.layout, weights);
    this.inputs = spec.inputs;
    this.classes = spec.classes;
  }

  predict(rows: readonly Float64Array[]): Promise<readonly Float64Array[]> {
    return Promise.resolve(rows.map((row) => this.forward(row).at(-1)!));
  }

  gradient(rows: readonly Float64Array[], label: number): Promise<readonly Float64Array[]> {
    return Promise.resolve(rows.map((row) => this.backward(this.forward(row), label)));
  }

  dispose(): void {
    // Typed arrays are the garbage collector's.
  }

  /** What each layer puts out, first to last; of the last the probabilities. */
  private forward(row: Float64Array): Float64Array[] {
    const outputs: Float64Array[] = [];
    let below = row;
    for (const layer of this.layout.layers) {
      const { inputs, units, kernel, bias, activation } = layer;
      const out = Float64Array.from(this.weights.subarray(bias, bias + units));
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < units; o++) out[o]! += below[i]! * this.weights[kernel + i * units + o]!;
      }
      below = out.map((value) => activate(activation, value));
      outputs.push(below);
    }
    outputs[outputs.length - 1] = softmax(below);
    return outputs;
  }

  private backward(outputs: readonly Float64Array[], label: number): Float64Array {
    const probabilities = outputs.at(-1)!;
    const own = probabilities[label]!;
    let delta: Float64Array = probabilities.map((p, c) => own * ((c === label ? 1 : 0) - p));
    for (let index = outputs.length - 1; index >= 0; index--) {
      const { inputs, units, kernel } = this.layout.layers[index]!;
      const below = new Float64Array(inputs);
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < units; o++) below[i]! += delta[o]! * this.weights[kernel + i * units + o]!;
      }
      if (index === 0) return below;
      const { activation } = this.layout.layers[index - 1]!;
      delta = below.map((value, i) => value * derivative(activation, outputs[index - 1]![i]!));
    }
    return delta;
  }
}

function activate(activation: Activation, value: number): number {
  switch (activation) {
    case 'linear':
      return value;
    case 'relu':
      return Math.max(0, value);
    case 'tanh':
      return Math.tanh(value);
    case 'sigmoid':
      return 1 / (1 + Math.exp(-value));
  }
}

/** Of the activation, given its output. */
function derivative(activation: Activation, output: number): number {
  switch (activation) {
    case 'linear':
      return 1;
    case 'relu':
      return output > 0 ? 1 : 0;
    case 'tanh':
      return 1 - output ** 2;
    case 'sigmoid':
      return output * (1 - output);
  }
}

function softmax(logits: Float64Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}
