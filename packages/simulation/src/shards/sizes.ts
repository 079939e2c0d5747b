import { Refusal } from '@tutti/shared/errors';
import type { Job } from '@tutti/shared/protocol';

/** Clients that a shard needs, so that its cohorts have `cohort.minimum` survivors on average. */
export function leastShard({ cohort, simulation }: Pick<Job, 'cohort' | 'simulation'>): number {
  return Math.max(3, Math.ceil(cohort.minimum / (cohort.samplingRate * (1 - simulation.dropout))));
}

/** @throws {Refusal} `run.shard-too-small` */
export function requireLargeEnough(job: Job, shard: number, clients: number): void {
  const least = leastShard(job);
  if (clients >= least) return;
  const { shards } = job.erasure;
  const average = Math.floor(job.simulation.clients / least);
  throw new Refusal(
    'run.shard-too-small',
    `Shard ${shard} of ${shards} has ${clients} clients; at a sampling rate of ${job.cohort.samplingRate} and ${job.simulation.dropout} lost, it takes ${least} for cohorts of ${job.cohort.minimum} survivors. Smaller ones are not opened.`,
    average < 2
      ? 'Leave `erasure.shards` out, or raise `cohort.samplingRate`.'
      : `Ask for fewer shards (${Math.min(shards - 1, average)} or less: a hash deals the clients out, so that sizes differ), or raise \`cohort.samplingRate\`.`,
  );
}
