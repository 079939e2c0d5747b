import { Refusal } from '@tutti/shared/errors';
import { standingJob } from '@tutti/shared/rights';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { Store, SubmittedJob } from '../store/index.js';

/**
 * Checks that no erasure has put another job in the place of this one: its model has learned from a client that has left, is to be used no more,
 * and is deleted when the erasure is certified.
 * @throws {Refusal} `job.superseded`, which names the job that stands
 */
export async function requireStanding(
  {
    ledger,
    store,
  }: { readonly ledger: KeptLedger; readonly store: { readonly jobs: Pick<Store['jobs'], 'find'> } },
  { job, name }: Pick<SubmittedJob, 'job' | 'name'>,
): Promise<void> {
  await ledger.refresh();
  const standing = standingJob(ledger.all, job);
  if (standing === job) return;
  const successor = await store.jobs.find(standing);
  const called = successor === undefined ? '' : `${successor.name}, `;
  throw new Refusal(
    'job.superseded',
    `The job ${name} was superseded by an erasure: a client that it learned from has left. The job that stands is ${called}${standing.slice(0, 12)}.`,
    `Name that one instead: \`${standing.slice(0, 12)}\`.`,
  );
}
