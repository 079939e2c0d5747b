import { dirname, join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import type { Job } from '@tutti/shared/protocol';
import { clientNamed } from '../erasure/client-named.js';
import { keysOf } from '../population.js';
import { RunDirectory } from '../run-directory.js';
import { termsOf } from './terms.js';

/** The folders of the runs that a run of several shards consists of, first to last. */
export function shardFolders(path: string, { erasure: { shards } }: Pick<Job, 'erasure'>): readonly string[] {
  return Array.from({ length: shards }, (_, index) => join(path, 'shards', String(index + 1)));
}

/** The folder of the run that one of its shards is in. */
export function wholeOf(folder: string): string {
  return dirname(dirname(folder));
}

/**
 * The folder of the run that a client is in: of its shard, where there are several.
 * @param name - number of the client, or the beginning of its key
 * @throws {Refusal} `erasure.no-such-client`; `erasure.shard` where it is one shard that is asked, which cannot speak for the others
 */
export async function runOfClient(path: string, name: string): Promise<string> {
  const settings = await new RunDirectory(path).trainingSettings();
  if (settings.shard !== undefined) {
    throw new Refusal(
      'erasure.shard',
      `${path} is one shard of a run, whose requests for erasure are answered together.`,
      `Name the folder of the run: ${wholeOf(path)}.`,
    );
  }
  if (settings.job.erasure.shards === 1) return path;
  const keys = await keysOf(settings);
  for (const [index, folder] of shardFolders(path, settings.job).entries()) {
    const { identities, members } = termsOf({ job: settings.job, shard: index + 1 }, keys);
    if (members.includes(clientNamed({ identities }, name))) return folder;
  }
  throw new Refusal('erasure.no-such-client', `The client “${name}” is in no shard.`, 'Name another client.');
}
