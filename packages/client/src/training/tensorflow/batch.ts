import type { LayersModel, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Examples } from '../trainer.js';
import type { TensorFlow } from './library.js';

/** The named rows in the shape of the model's input, one example a row. */
export function featuresOf(tf: TensorFlow, model: LayersModel, examples: Examples, rows: Int32Array): Tensor {
  const inputs = inputsOf(model);
  const values = new Float32Array(rows.length * inputs);
  rows.forEach((row, index) => {
    values.set(examples.features.subarray(row * inputs, (row + 1) * inputs), index * inputs);
  });
  return tf.tensor(values, [rows.length, ...inputShapeOf(model)]);
}

/** The classes of the named rows, one-hot. */
export function targetsOf(tf: TensorFlow, classes: number, examples: Examples, rows: Int32Array): Tensor2D {
  const values = new Float32Array(rows.length * classes);
  rows.forEach((row, index) => {
    values[index * classes + (examples.labels[row] ?? 0)] = 1;
  });
  return tf.tensor2d(values, [rows.length, classes]);
}

/** Features of one example. */
export function inputsOf(model: LayersModel): number {
  return inputShapeOf(model).reduce((size, side) => size * side, 1);
}

/** Numbers that the model gives for one example: its classes, when it is a classifier. */
export function outputsOf(model: LayersModel): number {
  return model.outputs[0]?.shape.at(-1) ?? 0;
}

/** The shape of one example. */
export function inputShapeOf(model: LayersModel): number[] {
  return (model.inputs[0]?.shape ?? []).slice(1).map(Number);
}
