/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { DenseLayer, ModelLayout } from '@tutti/shared/learning';
import {
  activate,
  activationGradient,
  affine,
  biasGradient,
  inputGradient,
  kernelGradient,
  softmax,
} from './kernels.js';

interface LayerState {
  readonly layer: DenseLayer;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly kernelGradient: Float32Array;
  readonly biasGradient: Float32Array;
  /** Activations of this layer, and what flows back into them: one row an example. */
  outputs: Float32Array;
  delta: Float32Array;
}

/** A dense softmax classifier with its weights, gradients and the working memory of one batch, all allocated once. */
export class DenseNetwork {
  readonly weights: Float32Array;
  /** Of the mean cross-entropy of the last batch that was propagated backward. */
  readonly gradient: Float32Array;
  private readonly states: readonly LayerState[];
  private capacity = 0;
  private batch = new Float32Array(0);
  private batchLabels = new Int32Array(0);

  constructor(private readonly layout: ModelLayout) {
    this.weights = new Float32Array(layout.parameters);
    this.gradient = new Float32Array(layout.parameters);
    this.states = layout.layers.map((layer) => ({
      layer,
      kernel: this.weights.subarray(layer.kernel, layer.bias),
      bias: this.weights.subarray(layer.bias, layer.bias + layer.units),
      kernelGradient: this.gradient.subarray(layer.kernel, layer.bias),
      biasGradient: this.gradient.subarray(layer.bias, layer.bias + layer.units),
      outputs: new Float32Array(0),
      delta: new Float32Array(0),
    }));
  }

  /** Grows the working memory to batches of `rows`. */
  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    this.capacity = rows;
    this.batch = new Float32Array(rows * this.layout.inputs);
    this.batchLabels = new Int32Array(rows);
    for (const state of this.states) {
      state.outputs = new Float32Array(rows * state.layer.units);
      state.delta = new Float32Array(rows * state.layer.units);
    }
  }

  /** Copies the named rows into the batch. */
  load(features: Float32Array, labels: Int32Array, rows: Int32Array): void {
    const { inputs } = this.layout;
    for (let b = 0; b < rows.length; b++) {
      const from = rows[b]! * inputs;
      const to = b * inputs;
      for (let i = 0; i < inputs; i++) this.batch[to + i] = features[from + i]!;
      this.batchLabels[b] = labels[rows[b]!]!;
    }
  }

  /** Class probabilities of the loaded batch, row after row; valid until the next call. */
  forward(rows: number): Float32Array {
    let inputs: Float32Array = this.batch;
    for (const { layer, kernel, bias, outputs } of this.states) {
      affine(inputs, kernel, bias, outputs, rows);
      activate(layer.activation, outputs, rows * layer.units);
      inputs = outputs;
    }
    softmax(inputs, rows, this.layout.classes);
    return inputs;
  }

  /**
   * Fills {@link gradient} from the batch that was last propagated forward.
   *
   * @param classWeights - factor on the loss of each class
   */
  backward(rows: number, classWeights?: readonly number[]): void {
    const { classes } = this.layout;
    const last = this.states[this.states.length - 1]!;
    const { outputs: probabilities, delta } = last;
    for (let b = 0; b < rows; b++) {
      const label = this.batchLabels[b]!;
      const share = (classWeights?.[label] ?? 1) / rows;
      for (let c = 0; c < classes; c++) delta[b * classes + c] = probabilities[b * classes + c]! * share;
      delta[b * classes + label]! -= share;
    }
    for (let index = this.states.length - 1; index >= 0; index--) {
      const state = this.states[index]!;
      const { units } = state.layer;
      const below = index > 0 ? this.states[index - 1]! : undefined;
      kernelGradient(below?.outputs ?? this.batch, state.delta, state.kernelGradient, rows, units);
      biasGradient(state.delta, state.biasGradient, rows);
      if (below === undefined) return;
      inputGradient(state.delta, state.kernel, below.delta, rows, units);
      activationGradient(below.layer.activation, below.outputs, below.delta, rows * below.layer.units);
    }
  }
}
