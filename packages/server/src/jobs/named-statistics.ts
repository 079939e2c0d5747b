import { Refusal, TuttiError } from '@tutti/shared/errors';
import { decodeStatisticsFile, isTraining, standardisedBy, type AnyJob } from '@tutti/shared/protocol';
import type { ArtifactFiles, Store, SubmittedJob } from '../store/index.js';

interface Kept {
  readonly artifacts: Pick<ArtifactFiles, 'fetch'>;
  readonly store: { readonly jobs: Pick<Store['jobs'], 'state'> };
  /** A job by its name or hash. @throws {Refusal} `job.unknown`, `job.ambiguous` */
  readonly find: (named: string) => Promise<SubmittedJob>;
}

/**
 * A job standardised by the statistics that it names: those of a job that has counted here, or an artifact by its hash. As it is where it names none.
 * @throws {Refusal} `job.standardise`, `job.ambiguous`, `statistics.malformed`
 */
export async function standardisedHere(kept: Kept, job: AnyJob): Promise<AnyJob> {
  if (!isTraining(job) || job.data.standardise?.statistics === undefined) return job;
  const hash = await hashOf(kept, job.data.standardise.statistics);
  const bytes = await kept.artifacts.fetch(hash).catch((cause: unknown) => {
    throw noSuch(cause);
  });
  return standardisedBy(job, decodeStatisticsFile(bytes), hash);
}

/** SHA-256 of the statistics that go by a name. */
async function hashOf({ find, store }: Kept, named: string): Promise<string> {
  const counted = await find(named).catch((error: unknown) => {
    if (error instanceof TuttiError && error.code === 'job.unknown') return undefined;
    throw error;
  });
  if (counted === undefined) {
    if (/^[0-9a-f]{64}$/.test(named)) return named;
    throw noSuch();
  }
  const { job, name, status } = counted;
  const state = await store.jobs.state(job);
  // What is still being counted would be other statistics by the time that the job trains.
  if (state === undefined || (status !== 'finished' && status !== 'stopped')) {
    throw new Refusal(
      'job.standardise',
      `The job ${name} is still counting.`,
      'Wait until it is finished: `tutti job list` tells.',
    );
  }
  return state.model;
}

function noSuch(cause?: unknown): Refusal {
  return new Refusal(
    'job.standardise',
    'There are no such statistics here.',
    'Name a job of kind statistics that is finished, or the hash that `tutti job result` prints of it.',
    { cause },
  );
}
