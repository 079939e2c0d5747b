import { isStatistics, type SimulatedJob, type AnyRunSummary } from '@tutti/shared/protocol';
import { RunDirectory } from './run-directory.js';
import { resumeShards, simulateShards } from './shards/index.js';
import { resume, simulate, type SimulateOptions } from './simulate.js';
import { resumeStatistics, simulateStatistics } from './statistics.js';

/** Runs a job of any kind. */
export function simulateAny(
  options: Omit<SimulateOptions, 'job'> & { readonly job: SimulatedJob },
): Promise<AnyRunSummary> {
  const { job, ...others } = options;
  if (isStatistics(job)) return simulateStatistics({ ...others, job });
  return job.erasure.shards > 1 ? simulateShards({ ...others, job }) : simulate({ ...others, job });
}

/** Goes on with a run of any kind. */
export async function resumeAny(options: Parameters<typeof resume>[0]): Promise<AnyRunSummary> {
  const directory = new RunDirectory(options.directory);
  const { job, ...settings } = await directory.anySettings();
  if (isStatistics(job)) return resumeStatistics(directory, { ...settings, job }, options);
  return job.erasure.shards > 1 && settings.shard === undefined ? resumeShards(options) : resume(options);
}
