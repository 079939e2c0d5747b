import { resolve } from 'node:path';
import type { ModelSpec } from '@tutti/shared/learning';
import type { ModelBuilder } from '../tensorflow/index.js';
import { buildModel } from './build.js';
import { readModel } from './read.js';
import { refuse, unpackModel } from './unpack.js';

/**
 * The builder of a model that a job names by its hash.
 *
 * @param model - `model.json` and its weight files, in one piece
 * @throws TuttiError `training.model-file` when there is none, or another: it is looked at only once its hash is right
 */
export function modelOf({ sha256 }: ModelSpec, model: Uint8Array | undefined): ModelBuilder {
  return async (tf) => {
    if (model === undefined) refuse('The model of the job is not there', 'Hand it in beside the job.');
    const files = unpackModel(model);
    if (files.sha256 !== sha256) {
      refuse(`The model has SHA-256 ${files.sha256}, not ${sha256 ?? ''}`, 'Fetch it anew.');
    }
    return buildModel(tf, files);
  };
}

/**
 * The model that a job takes from a file or a URL, in one piece, for whoever hands it out; undefined where the job says itself what its model is.
 *
 * @param folder - what a path in the job is relative to: that of the job file
 * @throws TuttiError `training.model-file` when it cannot be read, is too large, or has another hash
 */
export async function modelFilesOf(spec: ModelSpec, folder: string): Promise<Uint8Array | undefined> {
  if (spec.kind !== 'layers') return undefined;
  const { source, sha256 = '' } = spec;
  if (source === undefined) refuse('The job does not say where its model is', 'Set model.source.');
  const place = /^https?:/i.test(source) ? source : resolve(folder, source);
  return readModel(`${place}#sha256=${sha256}`);
}
