import type { LayersModel } from '@tensorflow/tfjs';
import { inputsOf, outputsOf } from '../training/tensorflow/batch.js';
import type { TensorFlow, TensorFlowBackend } from '../training/tensorflow/library.js';
import { TensorFlowTrainer } from '../training/tensorflow/trainer.js';
import { trainableVariables } from '../training/tensorflow/weights.js';

/** The trainer without privacy of a model that is trained with it: for its weights, and for evaluations. All that trains is shared. It disposes of the model. */
export function plainTrainer(
  tf: TensorFlow,
  backend: TensorFlowBackend,
  model: LayersModel,
): TensorFlowTrainer {
  return new TensorFlowTrainer(tf, backend, {
    model,
    variables: { shared: trainableVariables(model), personal: [] },
    inputs: inputsOf(model),
    classes: outputsOf(model),
  });
}
