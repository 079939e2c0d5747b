import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFiles } from './unpack.js';

/** Writes `model.json` and `weights.bin` into a folder, which is made where it is absent. */
export async function writeModelFiles(folder: string, files: Omit<ModelFiles, 'sha256'>): Promise<void> {
  const { topology, entries, weights } = files;
  const model = {
    format: 'layers-model',
    generatedBy: 'Tutti',
    convertedBy: null,
    modelTopology: topology,
    weightsManifest: entries.length === 0 ? [] : [{ paths: ['weights.bin'], weights: entries }],
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.json'), `${JSON.stringify(model, null, 2)}\n`);
  if (entries.length > 0) await writeFile(join(folder, 'weights.bin'), weights);
}
