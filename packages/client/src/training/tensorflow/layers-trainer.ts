import type { LayersModel } from '@tensorflow/tfjs';
import type { Trainer } from '../trainer.js';
import { requireBackend, useBackend } from './backends.js';
import { inputsOf, outputsOf } from './batch.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import { checkClassifier } from './model-check.js';
import { assignRoles, type LayerRoles } from './roles.js';
import { TensorFlowTrainer } from './trainer.js';

/** Makes a classifier of TensorFlow.js layers with the library it is given; the weights are where training starts. */
export type ModelBuilder = (tf: TensorFlow) => LayersModel | Promise<LayersModel>;

/**
 * The trainer of any classifier of layers.
 *
 * @throws TuttiError `training.backend` when the backend does not run here
 * @throws Refusal `training.model` when a federation cannot train the model, or its layers cannot have these roles
 */
export async function createModelTrainer(
  build: ModelBuilder,
  backend: TensorFlowBackend,
  roles: LayerRoles = {},
): Promise<Trainer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = await build(tf);
  try {
    checkClassifier(model);
    return new TensorFlowTrainer(tf, backend, {
      model,
      variables: assignRoles(tf, model, roles),
      inputs: inputsOf(model),
      classes: outputsOf(model),
    });
  } catch (error) {
    model.dispose();
    throw error;
  }
}
