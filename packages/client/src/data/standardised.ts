import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import { decodeStatisticsFile, standardisedBy, type Job } from '@tutti/shared/protocol';

/** A job, and the statistics that its columns are standardised by. */
export interface StandardisedJob {
  readonly job: Job;
  /** The bytes of `statistics.json`. Undefined where the job names no file of them. */
  readonly statistics?: Uint8Array;
}

/**
 * A job standardised by the statistics at its `data.standardise.source`; as it is where it names none. What was standardised already stays as it is.
 *
 * @param directory - the path in the job is relative to this
 * @throws {Refusal} `job.standardise`, `statistics.malformed`
 */
export async function standardisedFrom(job: Job, directory: string): Promise<StandardisedJob> {
  const { standardise } = job.data;
  if (standardise?.source === undefined) return { job };
  const path = resolve(directory, standardise.source);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new Refusal(
      'job.standardise',
      `The statistics at ${path} cannot be read.`,
      'Name the statistics.json of a run or of `tutti job result --out` in data.standardise.source.',
      { cause },
    );
  });
  const statistics = decodeStatisticsFile(bytes);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const { statistics: named = hash } = standardise;
  if (named !== hash && named !== statistics.job) {
    throw new Refusal(
      'job.standardise',
      `The statistics at ${path} are others than data.standardise.statistics names.`,
      'Name the right file, or leave out one of the two.',
    );
  }
  return { job: standardisedBy(job, statistics, hash), statistics: bytes };
}
