import type { LedgerEntry } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { familyOf, lineageOf, successionOf } from '@tutti/shared/rights';
import type { Store } from '../store/store.js';

/**
 * Models and memories of the optimiser that are no step towards the model of a job: of its family, and of no other job. Artifacts are named
 * by what they hold, so that two jobs may have the same one.
 * @param entries - the whole ledger
 */
export async function supersededStates(
  store: Pick<Store, 'jobs' | 'rounds'>,
  entries: readonly LedgerEntry[],
  job: string,
): Promise<string[]> {
  const family = familyOf(entries, job);
  const state = await store.jobs.state(job);
  const stood = new Set(lineageOf(entries, job).map(({ job: of, round }) => `${of} ${round}`));
  const standing = new Set([state?.model, state?.task, successionOf(entries, job)?.model]);
  const gone = new Set<string>();
  for (const { job: other } of await store.jobs.list()) {
    const own = family.has(other);
    for (const record of await store.rounds.of(other)) {
      const stands = !own || stood.has(`${other} ${record.round}`);
      for (const hash of statesOf(record)) (stands ? standing : gone).add(hash);
    }
    const current = own ? undefined : await store.jobs.state(other);
    if (current !== undefined) standing.add(current.model).add(current.task);
  }
  return [...gone].filter((hash) => !standing.has(hash));
}

function statesOf({ modelHash, taskHash }: RoundRecord): readonly string[] {
  return taskHash === undefined ? [modelHash] : [modelHash, taskHash];
}
