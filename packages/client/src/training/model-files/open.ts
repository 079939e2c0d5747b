import { resolve } from 'node:path';
import type { ModelSpec } from '@tutti/shared/learning';
import type { ModelBuilder } from '../tensorflow/index.js';
import { buildModel } from './build.js';
import { readModelFiles } from './read.js';

/**
 * The builder of a model that a job names by source and hash.
 *
 * @param folder - what a path in the job is relative to
 */
export function modelOf({ source = '', sha256 = '' }: ModelSpec, folder = '.'): ModelBuilder {
  const place = /^https?:/i.test(source) ? source : resolve(folder, source);
  return async (tf) => buildModel(tf, await readModelFiles(`${place}#sha256=${sha256}`));
}
