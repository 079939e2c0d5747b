import type { LayersModel, Variable } from '@tensorflow/tfjs';
import type { TensorFlow } from './library.js';

/** The variables that training changes, in the order of the weight vector. */
export function trainableVariables(model: LayersModel): Variable[] {
  // Reading a layer's variable gives the variable of the engine itself, though its type says tensor.
  return model.trainableWeights.map((weight): unknown => weight.read()) as Variable[];
}

/** All values in one vector. */
export function readWeights(variables: readonly Variable[]): Float32Array {
  const vector = new Float32Array(variables.reduce((sum, variable) => sum + variable.size, 0));
  let offset = 0;
  for (const variable of variables) {
    vector.set(variable.dataSync<'float32'>(), offset);
    offset += variable.size;
  }
  return vector;
}

/** Sets all values from one vector, which must be of the right length. */
export function writeWeights(tf: TensorFlow, variables: readonly Variable[], vector: Float32Array): void {
  let offset = 0;
  for (const variable of variables) {
    const from = offset;
    offset += variable.size;
    tf.tidy(() => variable.assign(tf.tensor(vector.slice(from, offset), variable.shape)));
  }
}
