/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { layoutOf, type DenseLayer, type ModelLayout } from './layout.js';
import type { ModelSpec } from './model.js';

/** What one example says about a model. */
export interface ExampleGradient {
  readonly loss: number;
  /** Of the loss by the weights, in the order of the weight vector. */
  readonly weights: Float64Array;
  /** Of the loss by the features. */
  readonly input: Float64Array;
}

/**
 * A dense softmax classifier in double precision, one example at a time, with gradients by weights and by features: for explanations and
 * attacks, where exactness counts and speed does not. It computes what the client's trainers train, and is made from their weight vector.
 */
export class DenseNetwork {
  private readonly layout: ModelLayout;

  /** @param weights - layer after layer, kernel before bias */
  constructor(
    readonly spec: ModelSpec,
    readonly weights: ArrayLike<number>,
  ) {
    this.layout = layoutOf(spec);
    if (weights.length !== this.layout.parameters) {
      throw new RangeError(`The model has ${this.layout.parameters} weights, not ${weights.length}.`);
    }
  }

  /** Class probabilities of one example. */
  probabilities(features: ArrayLike<number>): Float64Array {
    return softmax(this.forward(features).at(-1)!);
  }

  /** Cross-entropy of one example, in nats. */
  loss(features: ArrayLike<number>, label: number): number {
    const logits = this.forward(features).at(-1)!;
    return logSumExp(logits) - (logits[label] ?? 0);
  }

  /** @param target - the class, or a probability for each class */
  gradient(features: ArrayLike<number>, target: number | ArrayLike<number>): ExampleGradient {
    const activations = this.forward(features);
    const logits = activations.at(-1)!;
    const wanted = typeof target === 'number' ? oneHot(logits.length, target) : target;
    const normaliser = logSumExp(logits);
    let loss = 0;
    for (let c = 0; c < logits.length; c++) loss += wanted[c]! * (normaliser - logits[c]!);
    const back = softmax(logits).map((probability, c) => probability - wanted[c]!);
    return { loss, ...this.backward(activations, back) };
  }

  /** Of a class's probability by the features. */
  probabilityGradient(features: ArrayLike<number>, label: number): Float64Array {
    const activations = this.forward(features);
    const probabilities = softmax(activations.at(-1)!);
    const own = probabilities[label]!;
    const back = probabilities.map((p, c) => own * ((c === label ? 1 : 0) - p));
    return this.backward(activations, back).input;
  }

  /** @param back - of a figure by the logits */
  private backward(activations: readonly Float64Array[], back: Float64Array): Omit<ExampleGradient, 'loss'> {
    const weights = new Float64Array(this.layout.parameters);
    let delta = back;
    for (let index = this.layout.layers.length - 1; index >= 0; index--) {
      const layer = this.layout.layers[index]!;
      const inputs = activations[index]!;
      const below = new Float64Array(layer.inputs);
      for (let i = 0; i < layer.inputs; i++) {
        const at = layer.kernel + i * layer.units;
        for (let o = 0; o < layer.units; o++) {
          weights[at + o] = inputs[i]! * delta[o]!;
          below[i]! += this.weights[at + o]! * delta[o]!;
        }
      }
      weights.set(delta, layer.bias);
      const activation = this.layout.layers[index - 1]?.activation ?? 'linear';
      delta = below.map((value, i) => value * slope(activation, inputs[i]!));
    }
    return { weights, input: delta };
  }

  /** The features, and what each layer makes of them; the last are the logits. */
  private forward(features: ArrayLike<number>): Float64Array[] {
    const activations: Float64Array[] = [Float64Array.from(features)];
    for (const layer of this.layout.layers) activations.push(this.apply(layer, activations.at(-1)!));
    return activations;
  }

  private apply({ kernel, bias, units, activation }: DenseLayer, inputs: Float64Array): Float64Array {
    const outputs = Float64Array.from({ length: units }, (_, o) => this.weights[bias + o]!);
    for (let i = 0; i < inputs.length; i++) {
      const value = inputs[i]!;
      if (value === 0) continue;
      const at = kernel + i * units;
      for (let o = 0; o < units; o++) outputs[o]! += value * this.weights[at + o]!;
    }
    return outputs.map((value) => activate(activation, value));
  }
}

function activate(activation: DenseLayer['activation'], value: number): number {
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

/** The derivative of the activation, given its output. */
function slope(activation: DenseLayer['activation'], output: number): number {
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

function logSumExp(logits: Float64Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
}

function softmax(logits: Float64Array): Float64Array {
  const normaliser = logSumExp(logits);
  return logits.map((logit) => Math.exp(logit - normaliser));
}

function oneHot(classes: number, label: number): Float64Array {
  return Float64Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0));
}
