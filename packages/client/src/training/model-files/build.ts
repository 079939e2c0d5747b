import type { io, LayersModel } from '@tensorflow/tfjs';
import { Refusal } from '@tutti/shared/errors';
import type { TensorFlow } from '../tensorflow/library.js';
import type { ModelFiles } from './unpack.js';

/**
 * Builds the model that files describe, with their weights where they have some.
 *
 * @throws Refusal `training.model` when TensorFlow.js cannot build it
 */
export async function buildModel(
  tf: TensorFlow,
  { topology, entries, weights }: Pick<ModelFiles, 'topology' | 'entries' | 'weights'>,
): Promise<LayersModel> {
  const artifacts: io.ModelArtifacts = { modelTopology: topology };
  if (entries.length > 0) {
    artifacts.weightSpecs = entries.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }));
    artifacts.weightData = weights.slice().buffer;
  }
  try {
    return await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    throw new Refusal(
      'training.model',
      `TensorFlow.js cannot build the model: ${line ?? 'unknown reason'}`,
      'Check that it was saved as a layers model, and uses only layers that TensorFlow.js has.',
    );
  }
}
