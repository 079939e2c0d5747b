import type { LayersModel, Sequential } from '@tensorflow/tfjs';
import { drawPartWeights, partsOf, type ModelPart, type ModelSpec } from '@tutti/shared/learning';
import type { Trainer } from '../trainer.js';
import { requireBackend, useBackend } from './backends.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';
import { assignRoles } from './roles.js';
import { TensorFlowTrainer } from './trainer.js';

/**
 * The trainer of a classifier that a job gives layer by layer, on a backend of TensorFlow.js.
 *
 * @throws TuttiError `training.backend` when the backend does not run here
 */
export async function createClassifierTrainer(spec: ModelSpec, backend: TensorFlowBackend): Promise<Trainer> {
  const tf = await requireBackend(backend);
  useBackend(tf, backend);
  const model = classifierModel(spec)(tf);
  return new TensorFlowTrainer(tf, backend, {
    model,
    variables: assignRoles(tf, model, spec),
    inputs: spec.inputs,
    classes: spec.classes,
  });
}

/**
 * Builds the classifier that a job gives layer by layer, with the weights that it starts from: what `makePrivate` trains where the job's model is wanted.
 */
export function classifierModel(spec: ModelSpec): (tf: TensorFlow) => LayersModel {
  return (tf) => {
    const { inputs, image } = spec;
    const parts = partsOf(spec);
    const inputShape = image === undefined ? [inputs] : [image.height, image.width, image.channels];
    const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape })] });
    for (const part of parts) addPart(tf, model, part);
    tf.tidy(() => {
      const drawn = drawPartWeights(parts, spec.seed);
      model.setWeights(model.weights.map(({ shape }, at) => tf.tensor(drawn[at] ?? [], shape.map(Number))));
    });
    return model;
  };
}

function addPart(
  tf: TensorFlow,
  model: Sequential,
  { name, kind, shape, activation, pool }: ModelPart,
): void {
  // Written over by the drawn weights.
  const common = { name, activation, kernelInitializer: 'zeros' } as const;
  const [side = 1] = shape;
  const width = shape.at(-1) ?? 1;
  if (kind === 'convolution') {
    model.add(tf.layers.conv2d({ ...common, filters: width, kernelSize: side, padding: 'same' }));
    if (pool > 1) model.add(tf.layers.maxPooling2d({ poolSize: pool }));
    return;
  }
  if ((model.outputs[0]?.shape.length ?? 0) > 2) model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ ...common, units: width }));
}
