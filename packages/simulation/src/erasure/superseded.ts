import { readFile } from 'node:fs/promises';
import { statesOf, type RoundRecord } from '@tutti/shared/protocol';
import type { KeptRun } from './kept-run.js';

/** Where the records of rounds are kept that a remedy runs again, within the folder of the run. */
export function goneRoundsFile(request: string): string {
  return `erasures/${request}/rounds.jsonl`;
}

/** Rounds that approximate remedies ran once more on top of themselves: their records are no longer the run's, and their states still lie there. */
export async function overwrittenRecords({ directory, entries }: KeptRun): Promise<readonly RoundRecord[]> {
  const requests = entries.flatMap(({ event }) =>
    event.kind === 'erasure' && event.remedy === 'approximate' && event.replay !== undefined
      ? [event.request]
      : [],
  );
  const texts = await Promise.all(
    requests.map((request) => readFile(directory.file(goneRoundsFile(request)), 'utf8').catch(() => '')),
  );
  return texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RoundRecord);
}

/** Of states that were superseded, those that the run has not come to again: the replay may have left the same ones. */
export async function stillSuperseded(
  { rounds, store, jobHash }: KeptRun,
  superseded: readonly string[],
): Promise<string[]> {
  const state = await store.jobs.state(jobHash);
  const standing = new Set([...rounds.flatMap(statesOf), state?.model, state?.task]);
  return [...new Set(superseded)].filter((hash) => !standing.has(hash));
}
