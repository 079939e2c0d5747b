import { drawInitialWeights, layoutOf, type ModelSpec } from '@tutti/shared/learning';
import type { Trainer } from '../trainer.js';
import { requireBackend, useBackend } from './backends.js';
import type { TensorFlowBackend } from './library.js';
import { TensorFlowTrainer } from './trainer.js';

/**
 * The trainer of a dense classifier on a backend of TensorFlow.js.
 *
 * @throws TuttiError `training.backend` when the backend does not run here
 */
export async function createClassifierTrainer(spec: ModelSpec, backend: TensorFlowBackend): Promise<Trainer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const layout = layoutOf(spec);
  const model = tf.sequential({
    layers: layout.layers.map(({ inputs, units, activation }, index) =>
      tf.layers.dense({
        units,
        activation,
        // Written over by the weights of each call.
        kernelInitializer: 'zeros',
        ...(index === 0 ? { inputShape: [inputs] } : {}),
      }),
    ),
  });
  const initialWeights = drawInitialWeights(layout, spec.seed);
  return new TensorFlowTrainer(tf, backend, {
    model,
    inputs: spec.inputs,
    classes: spec.classes,
    initialWeights,
  });
}
