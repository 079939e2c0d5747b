import { randomBytes } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import { Library, protectionFor, type ClientPolicy } from '@tutti/client';
import { standardisedFrom } from '@tutti/client/data';
import { createTrainer, modelFilesOf, type Trainer } from '@tutti/client/training';
import { ArtifactFiles, JobRunner, KeptLedger, openSqliteStore, Registry, Sessions } from '@tutti/server';
import { memoised, toHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import { announceJob, encodeAnnouncedJob, type Job, type RunSummary } from '@tutti/shared/protocol';
import { loadDataset, partition, selectRows } from './data/index.js';
import { negatedTrainer } from './erasure/negated-trainer.js';
import { withdrawnClients, withoutRows } from './erasure/withdrawals.js';
import type { SimulationEvent } from './events.js';
import { PopulationJournals } from './journals.js';
import { writeOutputs } from './outputs.js';
import { makeKeys, Population } from './population.js';
import { seededRandomness, systemRandomness } from './randomness.js';
import { RunDirectory, type RunSettings, type Withdrawal } from './run-directory.js';
import { LARGEST_CLIENT_BODY, memoryTransport, socketTransport } from './transports.js';

/** What an audit found. */
export interface AuditFinding {
  readonly method: string;
  readonly epsilonLower: number;
  readonly confidence: number;
  readonly claimed: number;
  /** Whether the claim stands. */
  readonly passed: boolean;
}

/** @param directory - of the run, for whatever the audit writes */
export type Auditor = (settings: RunSettings, directory: string) => Promise<AuditFinding>;

interface Following {
  /** Aborted: the round under way is finished, and the run can be gone on with. */
  readonly signal?: AbortSignal;
  readonly observe?: (event: SimulationEvent) => void;
  /** What each virtual client trains with, by its number, in place of the job's own trainer: an audit puts its canaries there. */
  readonly cast?: (client: number, trainer: Trainer) => Trainer;
  /** Audits the job before its final model is written; needed where the job requires an audit. */
  readonly auditor?: Auditor;
}

export interface SimulateOptions extends Following {
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

/** Milliseconds that a phase waits at the most; virtual clients that are lost are not waited for. */
const PHASE_DEADLINE = 10 * 60_000;

/** Trains one model with virtual clients in this process, by the client and server code that is deployed. */
export async function simulate(options: SimulateOptions): Promise<RunSummary> {
  const { seed, transport, out, jobDirectory = '.', withdrawn } = options;
  const { job, statistics } = await standardisedFrom(options.job, jobDirectory);
  const settings: RunSettings = {
    run: runName(job),
    job,
    ...(seed !== undefined && { seed }),
    transport,
    jobDirectory: resolvePath(jobDirectory),
    keySeed: seed === undefined ? randomBytes(32).toString('hex') : seed.toString(16).padStart(64, '0'),
    seconds: 0,
    ...(withdrawn !== undefined && { withdrawn: [...withdrawn] }),
  };
  // Everything that a wrong job can trip over comes before the first file.
  requireAuditor(job, options);
  requireNewWeights(job);
  const data = await readData(settings);
  const model = await modelFilesOf(job.model, settings.jobDirectory);
  announceJob(job, job.simulation.clients);
  const directory = await RunDirectory.create(out, settings);
  return run(directory, settings, data, options, [model, statistics]);
}

/** A run knows no other run: what a job would go on from is with the coordinator that has it. */
function requireNewWeights({ startFrom }: Job): void {
  if (startFrom === undefined) return;
  throw new Refusal(
    'run.starts-elsewhere',
    'The job goes on from a state that a coordinator has; a simulation begins with new weights.',
    'Take `startFrom` out of the job, or submit it to that coordinator: `tutti job submit`.',
  );
}

/** Goes on with a run that was interrupted, to the same final model that it would have had. */
export async function resume(options: Following & { readonly directory: string }): Promise<RunSummary> {
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
  { signal, observe, auditor, cast = (_client, trainer) => trainer }: Following,
  artifactsOfJob: readonly (Uint8Array | undefined)[] = [],
): Promise<RunSummary> {
  const started = performance.now();
  const now = () => Date.now();
  const { job } = settings;
  const randomness =
    settings.seed === undefined ? systemRandomness : seededRandomness(`seed ${settings.seed}`);
  const primitives = memoised(platform);
  const keys = await makeKeys(platform, seededRandomness(`keys ${settings.keySeed}`), job.simulation.clients);
  const identities = keys.clients.map(({ identity }) => toHex(identity.publicKey));
  const withdrawals = settings.withdrawn ?? [];
  const withdrawn = withdrawnClients(withdrawals);
  const store = await openSqliteStore(directory.file('coordinator.db'));
  try {
    const artifacts = await ArtifactFiles.open(directory.file('artifacts'));
    const ledger = await KeptLedger.open(store, platform, now);
    const { groupId } = keys;
    const registry = new Registry({ primitives, authority: keys.authority.publicKey, groupId, now });
    const sessions = new Sessions({
      primitives,
      random: randomness.stream('coordinator/sessions'),
      coordinator: keys.coordinator.publicKey,
      admit: registry.admit,
      largestBody: LARGEST_CLIENT_BODY,
    });
    const transport = await (settings.transport === 'socket' ? socketTransport : memoryTransport)(
      sessions,
      artifacts,
    );
    try {
      const announced = announceJob(job, job.simulation.clients);
      const library = new Library(transport.artifacts, primitives);
      for (const bytes of artifactsOfJob) if (bytes !== undefined) await artifacts.put(bytes);
      const trainer = await createTrainer(
        announced.model,
        job.training.backend,
        await library.modelFiles({ job: announced }),
        protectionFor(announced),
      );
      const journals = await PopulationJournals.open(directory);
      const population = new Population(
        {
          primitives,
          randomness,
          keys,
          library,
          trainer: trainerOf(
            (client) => cast(identities.indexOf(client), trainer),
            new Set(settings.negated),
          ),
          policy: policyFor(job),
          journal: (client) => journals.of(client),
          examples: withoutRows(data.byClient, identities, withdrawals, job.model.inputs),
          withdrawn,
          dropout: job.simulation.dropout,
          now,
        },
        transport,
      );
      await population.gather();
      requireSameJob(ledger, toHex(platform.sha256(encodeAnnouncedJob(announced))));
      const order = [...identities].sort();
      const runner = await JobRunner.open({
        job: announced,
        primitives,
        signingKey: keys.coordinator,
        authority: keys.authority.publicKey,
        groupId,
        sessions,
        population: () => Promise.resolve(order),
        withdrawn,
        store,
        artifacts,
        ledger,
        random: (purpose) => randomness.stream(purpose),
        seeded: randomness.seeded,
        initialWeights: trainer.initialWeights(),
        evaluate: (weights) => trainer.evaluate(weights, data.heldOut),
        now,
        phaseDeadline: PHASE_DEADLINE,
        grace: 0,
      });
      observe?.({
        kind: 'prepared',
        run: settings.run,
        directory: directory.path,
        clients: job.simulation.clients,
        parameters: trainer.parameters,
        backend: trainer.backend,
        transport: settings.transport,
        seeded: randomness.seeded,
        rounds: job.rounds,
        completed: runner.roundsCompleted,
        noiseMultiplier: announced.privacy.noiseMultiplier,
        delta: announced.privacy.delta,
      });
      while (runner.stopped === undefined && signal?.aborted !== true) {
        const record = await runner.attempt();
        await journals.flush();
        primitives.forget();
        await population.gather();
        observe?.({ kind: 'round', record });
      }
      const stopped = runner.stopped ?? 'interrupted';
      if (stopped === 'rounds' || stopped === 'budget') await runner.close(stopped);
      const rounds = await store.rounds.of(runner.jobHash);
      const ended = stopped === 'rounds' || stopped === 'budget';
      const audit = job.audit.required && ended ? await auditor?.(settings, directory.path) : undefined;
      const { loss, accuracy } = await trainer.evaluate(runner.weights, data.heldOut);
      const spent = runner.ledgerState.spent();
      const seconds = settings.seconds + (performance.now() - started) / 1000;
      const summary: RunSummary = {
        run: settings.run,
        job: job.name,
        stopped,
        rounds: runner.roundsCompleted,
        aborted: rounds.filter(({ outcome }) => outcome === 'aborted').length,
        clients: job.simulation.clients,
        accuracy,
        loss,
        epsilon: { releasedModel: spent.releasedModel, coordinator: spent.coordinator },
        delta: announced.privacy.delta,
        noiseMultiplier: announced.privacy.noiseMultiplier,
        backend: trainer.backend,
        transport: settings.transport,
        seeded: randomness.seeded,
        modelHash: runner.modelHash,
        seconds,
        directory: directory.path,
        ...(audit !== undefined && {
          audit: { passed: audit.passed, epsilonLower: audit.epsilonLower, claimed: audit.claimed },
        }),
      };
      await directory.saveSettings({ ...settings, seconds });
      const { standardise } = announced.data;
      await writeOutputs(directory, {
        statistics: standardise && (await artifacts.fetch(standardise.statistics)),
        job,
        announced,
        runner,
        ledger: ledger.of(runner.jobHash),
        rounds,
        summary,
        audit,
      });
      trainer.dispose();
      observe?.({ kind: 'finished', summary });
      return summary;
    } finally {
      await transport.close();
    }
  } finally {
    await store.close();
  }
}

/** A model that must be audited before it is released is not trained where nobody audits. */
function requireAuditor({ audit }: Job, { auditor }: Following): void {
  if (!audit.required || auditor !== undefined) return;
  throw new Refusal(
    'audit.no-auditor',
    'The job releases its model only after an audit, and nothing here makes one.',
    'Run it by `tutti simulate`, or hand an auditor in.',
  );
}

/** A run has one job, and one budget: settings that were edited since would open another beside it. */
function requireSameJob(ledger: KeptLedger, job: string): void {
  if (ledger.jobs.size === 0 || ledger.jobs.has(job)) return;
  throw new Refusal(
    'run.changed',
    'The job of this run is not the one that its ledger was opened for: its settings were changed after it began.',
    'Put run.json back as it was, or begin a new run.',
  );
}

/** One model with swapped weights serves all virtual clients. */
function trainerOf(cast: (client: string) => Trainer, negated: ReadonlySet<string>) {
  return (client: string) => {
    const trainer = cast(client);
    const used = negated.has(client) ? negatedTrainer(trainer) : trainer;
    return (): Promise<Trainer> => Promise.resolve(used);
  };
}

/** Virtual clients agree to what the job asks of them, and hold the coordinator to it. */
function policyFor(job: Job): ClientPolicy {
  return {
    maximumEpsilon: Number.MAX_VALUE,
    units: [job.privacy.unit],
    maximumDelta: 0.1,
    minimumCohort: job.cohort.minimum,
    minimumCorruptFraction: job.cohort.corruptFraction,
    maximumAttempts: 2,
  };
}

/** Sorts by time, and does not repeat: two runs may begin in one second. */
function runName(job: Job): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${job.name}-${time}-${randomBytes(2).toString('hex')}`;
}
