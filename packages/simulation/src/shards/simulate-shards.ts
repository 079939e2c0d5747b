import { standardisedFrom } from '@tutti/client/data';
import { modelFilesOf } from '@tutti/client/training';
import { ArtifactFiles } from '@tutti/server';
import { Refusal } from '@tutti/shared/errors';
import type { Job, RunSummary } from '@tutti/shared/protocol';
import { withdrawnClients } from '../erasure/withdrawals.js';
import { requireEverybody, type Following } from '../federation-run.js';
import { keysOf } from '../population.js';
import { newRun, RunDirectory } from '../run-directory.js';
import { readData, requireNewWeights, resume, type SimulateOptions } from '../simulate.js';
import { concludeShards } from './ensemble.js';
import { shardFolders } from './folders.js';
import { requireLargeEnough } from './sizes.js';
import { termsOf } from './terms.js';

/**
 * Trains one model for each shard of the clients, each by a run of its own in `shards/<number>`: its own rounds, cohorts and ledger. The erasure
 * of a client then replays its own shard and leaves the others as they are (SISA: Bourtoule et al., "Machine unlearning", 2021; without its slices).
 *
 * @throws {Refusal} `run.shard-too-small` where a shard has too few clients for its cohorts, `run.shards-audited` where the job requires an audit
 */
export async function simulateShards(
  options: Omit<SimulateOptions, 'cast' | 'auditor'>,
): Promise<RunSummary> {
  const { seed, transport, out, jobDirectory = '.', withdrawn = [] } = options;
  const { job, statistics } = await standardisedFrom(options.job, jobDirectory);
  // Everything that a wrong job can trip over comes before the first file.
  requireNoAudit(job);
  requireNewWeights(job);
  requireEverybody(job);
  const settings = newRun(job, { seed, transport, jobDirectory, withdrawn });
  await readData(settings);
  const artifacts = [await modelFilesOf(job.model, settings.jobDirectory), statistics];
  const keys = await keysOf(settings);
  const gone = withdrawnClients(withdrawn);
  const shards = shardFolders('', job).map((_, index) => {
    const shard = index + 1;
    const { members } = termsOf({ job, shard: shard }, keys);
    requireLargeEnough(job, shard, members.filter((client) => !gone.has(client)).length);
    return { ...settings, run: `${settings.run}-shard-${shard}`, shard, members };
  });
  const { path } = await RunDirectory.create(out, settings);
  for (const [index, { members, ...own }] of shards.entries()) {
    const directory = new RunDirectory(shardFolders(path, job)[index] ?? path);
    const left = withdrawn.filter(({ client }) => members.includes(client));
    await directory.saveSettings({ ...own, withdrawn: [...left] });
    const kept = await ArtifactFiles.open(directory.file('artifacts'));
    for (const bytes of artifacts) if (bytes !== undefined) await kept.put(bytes);
  }
  return resumeShards({ ...options, directory: path });
}

/** Goes on with a run of several shards, one after the other. */
export async function resumeShards({
  directory: path,
  signal,
  observe,
}: Following & { readonly directory: string }): Promise<RunSummary> {
  const { job } = await new RunDirectory(path).trainingSettings();
  const trained = new Map<number, RunSummary>();
  for (const [index, directory] of shardFolders(path, job).entries()) {
    const summary = await resume({
      directory,
      ...(signal && { signal }),
      observe: (event) => {
        if (event.kind !== 'finished') observe?.(event);
      },
    });
    trained.set(index + 1, summary);
    if (summary.stopped === 'interrupted') break;
  }
  const endings = [...trained.values()].map(({ stopped }) => stopped);
  const least = (['interrupted', 'stalled', 'budget'] as const).find((ending) => endings.includes(ending));
  const summary = await concludeShards(path, least ?? 'rounds', trained);
  observe?.({ kind: 'finished', summary });
  return summary;
}

function requireNoAudit({ audit }: Job): void {
  if (!audit.required) return;
  throw new Refusal(
    'run.shards-audited',
    'The job requires an audit before its model is released, and an audit is of one model, not of several shards.',
    'Leave `erasure.shards` out, or `audit.required`.',
  );
}
