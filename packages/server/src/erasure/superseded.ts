import type { LedgerEntry } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { familyOf, lineageOf, successionOf, unneededStates } from '@tutti/shared/rights';
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
  const stood = new Set(lineageOf(entries, job).map(({ job: of, round }) => `${of} ${round}`));
  const from = successionOf(entries, job)?.model;
  const current = from === undefined ? [] : [from];
  const standing: RoundRecord[] = [];
  const gone: RoundRecord[] = [];
  for (const { job: other } of await store.jobs.list()) {
    const own = family.has(other);
    for (const record of await store.rounds.of(other)) {
      const stands = !own || stood.has(`${other} ${record.round}`);
      (stands ? standing : gone).push(record);
    }
    const state = own && other !== job ? undefined : await store.jobs.state(other);
    if (state !== undefined) current.push(state.model, state.task);
  }
  return unneededStates(gone, standing, current);
}
