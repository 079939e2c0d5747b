import type { ModelSpec } from './model.js';

export type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid';

/** One dense layer, and where its parameters lie in the weight vector. */
export interface DenseLayer {
  readonly inputs: number;
  readonly units: number;
  /** The last layer is linear: its outputs are the logits of the softmax. */
  readonly activation: Activation;
  /** Start of the kernel, `inputs * units` numbers. */
  readonly kernel: number;
  /** Start of the bias, `units` numbers. */
  readonly bias: number;
}

/** The layers of a model in the order of the weight vector. */
export interface ModelLayout {
  readonly inputs: number;
  readonly classes: number;
  readonly layers: readonly DenseLayer[];
  readonly parameters: number;
}

/** Lays the parameters of a classifier out in one vector. */
export function layoutOf(spec: ModelSpec): ModelLayout {
  const widths = [...spec.hidden, { units: spec.classes, activation: 'linear' as const }];
  const layers: DenseLayer[] = [];
  let inputs = spec.inputs;
  let offset = 0;
  for (const { units, activation } of widths) {
    const bias = offset + inputs * units;
    layers.push({ inputs, units, activation, kernel: offset, bias });
    offset = bias + units;
    inputs = units;
  }
  return { inputs: spec.inputs, classes: spec.classes, layers, parameters: offset };
}
