import type { ModelLayout } from './layout.js';
import { publicGenerator } from './public-generator.js';

/**
 * Weights before the first round: hidden kernels uniform in ±sqrt(6 / (inputs + units)) (Glorot and Bengio, "Understanding the
 * difficulty of training deep feedforward neural networks", AISTATS 2010, eq. 16), biases zero. The last kernel is zero too, so
 * that every class starts equally probable and the first loss is ln(classes).
 */
export function drawInitialWeights(layout: ModelLayout, seed: number): Float32Array {
  const weights = new Float32Array(layout.parameters);
  const uniform = publicGenerator(seed);
  for (const layer of layout.layers.slice(0, -1)) {
    const limit = Math.sqrt(6 / (layer.inputs + layer.units));
    for (let at = layer.kernel; at < layer.bias; at++) weights[at] = (2 * uniform() - 1) * limit;
  }
  return weights;
}
