import { protectionFor, trainOn } from '@tutti/client';
import { standardisedFrom } from '@tutti/client/data';
import { createTrainer, modelFilesOf, type Trainer } from '@tutti/client/training';
import { Refusal } from '@tutti/shared/errors';
import { announceJob, type AnnouncedJob, type Job, type RunSummary } from '@tutti/shared/protocol';
import { loadDataset, partition, selectRows } from './data/index.js';
import { negatedTrainer } from './erasure/negated-trainer.js';
import { withoutRows } from './erasure/withdrawals.js';
import {
  requireEverybody,
  runFederation,
  type EndedRun,
  type Following,
  type Undertaking,
} from './federation-run.js';
import type { AuditFinding } from '@tutti/shared/rights';
import { writeOutputs } from './outputs.js';
import { keysOf } from './population.js';
import { newRun, RunDirectory, type RunSettings, type Withdrawal } from './run-directory.js';
import { termsOf } from './shards/terms.js';

export type { AuditFinding } from '@tutti/shared/rights';

/** @param directory - of the run, for whatever the audit writes */
export type Auditor = (settings: RunSettings, directory: string) => Promise<AuditFinding>;

interface Training extends Following {
  /** What each virtual client trains with, by its number, in place of the job's own trainer: an audit puts its canaries there. */
  readonly cast?: (client: number, trainer: Trainer) => Trainer;
  /** Audits the job before its final model is written; needed where the job requires an audit. */
  readonly auditor?: Auditor;
}

export interface SimulateOptions extends Training {
  readonly job: Job;
  /** Makes the run repeatable, bit for bit, and its noise known to whoever knows the seed. */
  readonly seed?: number;
  readonly transport: 'memory' | 'socket';
  /** The folder in which `runs/<id>` is made. */
  readonly out: string;
  /** Paths in the job are relative to this. Default: the current directory. */
  readonly jobDirectory?: string;
  /** Clients, or rows of them, that are absent from the first round on. All terms of the job stay as they are. */
  readonly withdrawn?: readonly Withdrawal[];
}

/** Trains one model with virtual clients in this process, by the client and server code that is deployed. */
export async function simulate(options: SimulateOptions): Promise<RunSummary> {
  const { seed, transport, out, jobDirectory = '.', withdrawn } = options;
  const { job, statistics } = await standardisedFrom(options.job, jobDirectory);
  const settings = newRun(job, { seed, transport, jobDirectory, withdrawn });
  // Everything that a wrong job can trip over comes before the first file.
  requireAuditor(job, options);
  requireOneShard(job);
  requireNewWeights(job);
  requireEverybody(job);
  const data = await readData(settings);
  const model = await modelFilesOf(job.model, settings.jobDirectory);
  announceJob(job, job.simulation.clients);
  const directory = await RunDirectory.create(out, settings);
  return run(directory, settings, data, options, [model, statistics]);
}

/** A run knows no other run: what a job would go on from is with the coordinator that has it. */
export function requireNewWeights({ startFrom }: Job): void {
  if (startFrom === undefined) return;
  throw new Refusal(
    'run.starts-elsewhere',
    'The job goes on from a state that a coordinator has; a simulation begins with new weights.',
    'Take `startFrom` out of the job, or submit it to that coordinator: `tutti job submit`.',
  );
}

/** Goes on with a run that was interrupted, to the same final model that it would have had. */
export async function resume(options: Training & { readonly directory: string }): Promise<RunSummary> {
  const directory = new RunDirectory(options.directory);
  const settings = await directory.settings();
  requireAuditor(settings.job, options);
  return run(directory, settings, await readData(settings), options);
}

type Data = Awaited<ReturnType<typeof readData>>;

/** The public rows of a run, and the rows that each of its virtual clients began with. */
export async function readData({ job, jobDirectory }: RunSettings) {
  const { inputs, classes } = job.model;
  const { train, heldOut } = await loadDataset(job.data, { directory: jobDirectory, inputs, classes });
  const { clients, labelConcentration, sizeConcentration, partitionSeed } = job.simulation;
  const rows = partition(train, clients, { labelConcentration, sizeConcentration, seed: partitionSeed });
  return { heldOut, byClient: rows.map((own) => selectRows(train, inputs, own)) };
}

async function run(
  directory: RunDirectory,
  settings: RunSettings,
  data: Data,
  following: Training,
  artifacts: readonly (Uint8Array | undefined)[] = [],
): Promise<RunSummary> {
  const { job } = settings;
  const keys = await keysOf(settings);
  const { announced, members } = termsOf(settings, keys);
  const { signal, observe } = following;
  return runFederation({
    ...(signal && { signal }),
    ...(observe && { observe }),
    directory,
    settings,
    announced,
    keys,
    members,
    artifacts,
    undertake: async (library, identities) => {
      const trainer = await createTrainer(
        announced.model,
        job.training.backend,
        await library.modelFiles({ job: announced }),
        protectionFor(announced),
      );
      return training({ directory, settings, announced, data, following, identities, trainer });
    },
  });
}

interface TrainingRun {
  readonly directory: RunDirectory;
  readonly settings: RunSettings;
  readonly announced: AnnouncedJob;
  readonly data: Data;
  readonly following: Training;
  readonly identities: readonly string[];
  readonly trainer: Trainer;
}

/** Training one model; one trainer with swapped weights serves all virtual clients. */
function training(about: TrainingRun): Undertaking<RunSummary> {
  const { settings, data, identities, trainer } = about;
  const { cast = (_client: number, own: Trainer) => own } = about.following;
  const negated = new Set(settings.negated);
  const examples = withoutRows(
    data.byClient,
    identities,
    settings.withdrawn ?? [],
    settings.job.model.inputs,
  );
  return {
    parameters: trainer.parameters,
    backend: trainer.backend,
    initialWeights: trainer.initialWeights(),
    evaluate: (weights) => trainer.evaluate(weights, data.heldOut),
    work: (client, identity) => {
      const own = cast(client, trainer);
      const used = negated.has(identity) ? negatedTrainer(own) : own;
      return trainOn(
        () => examples[client] ?? noSuch(client),
        () => used,
      );
    },
    conclude: (ended) => concluded(about, ended),
    close: () => trainer.dispose(),
  };
}

async function concluded(
  { directory, settings, announced, data, following, trainer }: TrainingRun,
  ended: EndedRun,
): Promise<RunSummary> {
  const { job } = settings;
  const { runner, artifacts, ledger, rounds, isOver } = ended;
  const { auditor, observe } = following;
  const audit = job.audit.required && isOver ? await auditor?.(settings, directory.path) : undefined;
  const { loss, accuracy } = await trainer.evaluate(runner.weights, data.heldOut);
  const summary: RunSummary = {
    ...(await ended.facts()),
    accuracy,
    loss,
    backend: trainer.backend,
    modelHash: runner.modelHash,
    ...(audit !== undefined && {
      audit: { passed: audit.passed, epsilonLower: audit.epsilonLower, claimed: audit.claimed },
    }),
  };
  const { standardise } = announced.data;
  await writeOutputs(directory, {
    statistics: standardise && (await artifacts.fetch(standardise.statistics)),
    job,
    announced,
    runner,
    ledger,
    rounds,
    summary,
    audit,
  });
  observe?.({ kind: 'finished', summary });
  return summary;
}

/** A model that must be audited before it is released is not trained where nobody audits. */
function requireAuditor({ audit }: Job, { auditor }: Training): void {
  if (!audit.required || auditor !== undefined) return;
  throw new Refusal(
    'audit.no-auditor',
    'The job releases its model only after an audit, and nothing here makes one.',
    'Run it by `tutti simulate`, or hand an auditor in.',
  );
}

/** Whoever asks for one model, such as an audit, gets none of several. */
function requireOneShard({ erasure: { shards } }: Job): void {
  if (shards === 1) return;
  throw new Refusal(
    'run.shards',
    `The job trains ${shards} models, one for each shard of its clients.`,
    'Run it by `tutti simulate`; for anything else leave `erasure.shards` out.',
  );
}

function noSuch(client: number): never {
  throw new RangeError(`There is no virtual client ${client}.`);
}
