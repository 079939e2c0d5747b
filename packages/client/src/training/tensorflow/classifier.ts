import type { LayersModel } from '@tensorflow/tfjs';
import { drawInitialWeights, layoutOf, type ModelLayout, type ModelSpec } from '@tutti/shared/learning';
import type { Trainer } from '../trainer.js';
import { requireBackend, useBackend } from './backends.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import { TensorFlowTrainer } from './trainer.js';

/**
 * Builds the dense classifier of a job, with the weights that it starts from: what `makePrivate` trains where the job's model is wanted.
 */
export function classifierModel(spec: ModelSpec): (tf: TensorFlow) => LayersModel {
  return (tf) => {
    const layout = layoutOf(spec);
    const model = emptyClassifier(tf, layout);
    const start = drawInitialWeights(layout, spec.seed);
    tf.tidy(() => {
      model.setWeights(
        layout.layers.flatMap(({ inputs, units, kernel, bias }) => [
          tf.tensor2d(start.subarray(kernel, bias), [inputs, units]),
          tf.tensor1d(start.subarray(bias, bias + units)),
        ]),
      );
    });
    return model;
  };
}

/**
 * The trainer of a dense classifier on a backend of TensorFlow.js.
 *
 * @throws TuttiError `training.backend` when the backend does not run here
 */
export async function createClassifierTrainer(spec: ModelSpec, backend: TensorFlowBackend): Promise<Trainer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const layout = layoutOf(spec);
  const model = emptyClassifier(tf, layout);
  const initialWeights = drawInitialWeights(layout, spec.seed);
  return new TensorFlowTrainer(tf, backend, {
    model,
    inputs: spec.inputs,
    classes: spec.classes,
    initialWeights,
  });
}

/** The layers, their kernels zero until weights are written into them. */
function emptyClassifier(tf: TensorFlow, { layers }: ModelLayout): LayersModel {
  return tf.sequential({
    layers: layers.map(({ inputs, units, activation }, index) =>
      tf.layers.dense({
        units,
        activation,
        kernelInitializer: 'zeros',
        ...(index === 0 ? { inputShape: [inputs] } : {}),
      }),
    ),
  });
}
