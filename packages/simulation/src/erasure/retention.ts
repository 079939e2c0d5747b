import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withRun } from './kept-run.js';

/**
 * Deletes the checkpoints of a run that were written before a time. What the run stands on stays: its job, its current model and what the
 * optimiser remembers; so do ledger and records, which hold no data of anybody.
 *
 * @returns hashes of what was deleted, or would be; how many artifacts stay
 */
export async function enforceRetention(
  path: string,
  { before, dryRun }: { readonly before: number; readonly dryRun: boolean },
): Promise<{ readonly deleted: readonly string[]; readonly kept: number }> {
  return withRun(path, async ({ directory, store, artifacts, jobHash }) => {
    const state = await store.jobs.state(jobHash);
    const standing = new Set([jobHash, state?.model, state?.task]);
    const folder = directory.file('artifacts');
    const names = await readdir(folder);
    const old: string[] = [];
    for (const name of names) {
      const { mtimeMs } = await stat(join(folder, name));
      if (!standing.has(name) && mtimeMs < before) old.push(name);
    }
    if (!dryRun) for (const name of old) await artifacts.remove(name);
    return { deleted: old, kept: names.length - old.length };
  });
}
