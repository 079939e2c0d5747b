import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type tf from '@tensorflow/tfjs';
import { writeModelFiles } from '@tutti/client/training';

/** Saves a model into a fresh folder and gives the path of its `model.json`. */
export async function saved(model: tf.LayersModel): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-model-'));
  await model.save({
    save: async ({ modelTopology, weightSpecs = [], weightData }) => {
      await writeModelFiles(folder, {
        topology: modelTopology as Record<string, unknown>,
        entries: weightSpecs.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
        weights: new Uint8Array(weightData as ArrayBuffer),
      });
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  return join(folder, 'model.json');
}
