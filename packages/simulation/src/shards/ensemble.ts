import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTrainer, scoreBatch, type Evaluation } from '@tutti/client/training';
import { ArtifactFiles } from '@tutti/server';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { TuttiError } from '@tutti/shared/errors';
import { countWeights, weightsFromBytes } from '@tutti/shared/learning';
import type { RunFacts, RunSummary, ShardSummary } from '@tutti/shared/protocol';
import { z } from 'zod';
import { loadDataset } from '../data/index.js';
import { RunDirectory, type RunSettings } from '../run-directory.js';
import { shardFolders } from './folders.js';
import { writePapers } from './papers.js';

/** The file, within the folder of the run: which models answer together, and how well. */
const ENSEMBLE = 'ensemble.json';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const shardSchema = z.strictObject({
  shard: z.int().min(1),
  clients: z.int().min(0),
  rounds: z.int().min(0),
  aborted: z.int().min(0),
  epsilon: z.strictObject({ releasedModel: z.number(), coordinator: z.number() }),
  noiseMultiplier: z.number(),
  delta: z.number(),
  seconds: z.number(),
  modelHash: hash,
});
const ensembleSchema = z.strictObject({
  /** How their answers are one. */
  combine: z.literal('mean of class probabilities'),
  modelHash: hash,
  loss: z.number(),
  accuracy: z.number(),
  shards: z.array(shardSchema).min(1),
});
export type Ensemble = z.output<typeof ensembleSchema>;

/** What the shards of a run have come to together, if anything. */
export async function readEnsemble(path: string): Promise<Ensemble | undefined> {
  const text = await readFile(join(path, ENSEMBLE), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : ensembleSchema.parse(JSON.parse(text));
}

/**
 * Says what the shards of a run have come to together, and writes `ensemble.json` and what {@link writePapers} does. The mean of the class probabilities of all is what the run's
 * model answers (Bourtoule et al., "Machine unlearning", 2021). Shards that have not been trained since are as that file has them, and nothing of
 * theirs is opened but their models and what they have written.
 *
 * @param trained - of shards that have been trained since, by number
 */
export async function concludeShards(
  path: string,
  stopped: RunFacts['stopped'],
  trained: ReadonlyMap<number, RunSummary>,
): Promise<RunSummary> {
  const directory = new RunDirectory(path);
  const settings = await directory.trainingSettings();
  const known = new Map((await readEnsemble(path))?.shards.map((one) => [one.shard, one]));
  for (const [shard, summary] of trained) known.set(shard, shardSummary(shard, summary));
  const shards = [...known.values()].sort((a, b) => a.shard - b.shard);
  const { backend, ...evaluation } = await evaluateTogether(path, settings, shards);
  const names = new TextEncoder().encode(shards.map(({ modelHash }) => modelHash).join('\n'));
  const modelHash = toHex(primitives.sha256(names));
  const ensemble: Ensemble = { combine: 'mean of class probabilities', modelHash, ...evaluation, shards };
  await directory.write(ENSEMBLE, `${JSON.stringify(ensemble, null, 2)}\n`);
  const worst = (of: (shard: ShardSummary) => number) => Math.max(...shards.map(of));
  const total = (of: (shard: ShardSummary) => number) => shards.reduce((sum, shard) => sum + of(shard), 0);
  const summary: RunSummary = {
    run: settings.run,
    job: settings.job.name,
    stopped,
    rounds: total(({ rounds }) => rounds),
    aborted: total(({ aborted }) => aborted),
    clients: total(({ clients }) => clients),
    // A client is in one shard and in no other: what the release of all costs it is what its own shard has spent.
    epsilon: {
      releasedModel: worst(({ epsilon }) => epsilon.releasedModel),
      coordinator: worst(({ epsilon }) => epsilon.coordinator),
    },
    delta: worst(({ delta }) => delta),
    noiseMultiplier: Math.min(...shards.map(({ noiseMultiplier }) => noiseMultiplier)),
    transport: settings.transport,
    seeded: settings.seed !== undefined,
    seconds: total(({ seconds }) => seconds),
    directory: path,
    ...evaluation,
    backend,
    modelHash,
    shards,
  };
  await writePapers(path, settings, summary);
  return summary;
}

function shardSummary(shard: number, summary: RunSummary): ShardSummary {
  const { clients, rounds, aborted, epsilon, noiseMultiplier, delta, seconds, modelHash } = summary;
  return { shard, clients, rounds, aborted, epsilon, noiseMultiplier, delta, seconds, modelHash };
}

/** Loss and accuracy, on the public held-out rows, of the mean of what all models say. */
async function evaluateTogether(
  path: string,
  { job, jobDirectory }: RunSettings,
  shards: readonly ShardSummary[],
): Promise<Evaluation & { readonly backend: string }> {
  const { inputs, classes, kind, sha256 = '' } = job.model;
  const { heldOut } = await loadDataset(job.data, { directory: jobDirectory, inputs, classes });
  const folders = shardFolders(path, job);
  const artifactsOf = (shard: number) => ArtifactFiles.open(join(folders[shard - 1] ?? path, 'artifacts'));
  const files = kind === 'layers' ? await (await artifactsOf(1)).fetch(sha256) : undefined;
  const trainer = await createTrainer(job.model, job.training.backend, files);
  try {
    const mean = new Float32Array(heldOut.count * classes);
    for (const { shard, modelHash } of shards) {
      const bytes = await (await artifactsOf(shard)).fetch(modelHash);
      const said = await trainer.predict?.(weightsFromBytes(bytes, countWeights(job.model)), heldOut);
      if (said === undefined)
        throw new TuttiError('run.no-predictions', 'The trainer says no probabilities.', 'Use another one.');
      for (const [index, probability] of said.entries())
        mean[index] = (mean[index] ?? 0) + probability / shards.length;
    }
    const { loss, correct } = scoreBatch(mean, heldOut.labels, classes);
    return {
      accuracy: correct / heldOut.count,
      loss: loss / heldOut.count,
      backend: trainer.backend,
    };
  } finally {
    trainer.dispose();
  }
}
