import { Refusal } from '../errors.js';
import type { ModelSpec } from './model.js';
import { isPlainDense } from './parts.js';

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

/**
 * Lays the parameters of a dense classifier out in one vector.
 *
 * @throws {Refusal} `model.not-dense` where it has other layers, or layers that do not travel
 */
export function layoutOf(spec: ModelSpec): ModelLayout {
  if (!isPlainDense(spec)) {
    throw new Refusal(
      'model.not-dense',
      'The model is not dense layers alone that all train and travel; this works on no other.',
      'Leave out convolutions, source, frozen, personal and adapters.',
    );
  }
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
