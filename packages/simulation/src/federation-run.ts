import type { ClientPolicy, Work } from '@tutti/client';
import { Library } from '@tutti/client';
import {
  ArtifactFiles,
  JobRunner,
  KeptLedger,
  openSqliteStore,
  Registry,
  Sessions,
  type JobRunnerOptions,
} from '@tutti/server';
import { memoised, toHex } from '@tutti/shared/crypto';
import { primitives as platform } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry } from '@tutti/shared/privacy';
import {
  encodeAnnouncedJob,
  type Announcement,
  type SimulatedJob,
  type RoundRecord,
  type RunFacts,
} from '@tutti/shared/protocol';
import { withdrawnClients } from './erasure/withdrawals.js';
import type { SimulationEvent } from './events.js';
import { PopulationJournals } from './journals.js';
import { Population, type Keys } from './population.js';
import { seededRandomness, systemRandomness } from './randomness.js';
import type { RunDirectory, RunSettings } from './run-directory.js';
import { LARGEST_CLIENT_BODY, memoryTransport, socketTransport } from './transports.js';

/** Whoever follows a run. */
export interface Following {
  /** Aborted: the round under way is finished, and the run can be gone on with. */
  readonly signal?: AbortSignal;
  readonly observe?: (event: SimulationEvent) => void;
}

/** What a federation of virtual clients works on: what differs between jobs that train and jobs that count. */
export interface Undertaking<S> extends Pick<JobRunnerOptions, 'initialWeights' | 'evaluate'> {
  /** Numbers in a client’s vector. */
  readonly parameters: number;
  /** What computes, where it matters. */
  readonly backend?: string;
  /** What a virtual client does, by its number and its identity key, hex. */
  readonly work: (client: number, identity: string) => Work;
  /** Writes what the run has come to. */
  readonly conclude: (run: EndedRun) => Promise<S>;
  readonly close?: () => void;
}

/** A run after its last round, while its store is open. */
export interface EndedRun {
  readonly runner: JobRunner;
  readonly artifacts: ArtifactFiles;
  readonly ledger: readonly LedgerEntry[];
  readonly rounds: readonly RoundRecord[];
  /** Whether it can not be gone on with. */
  readonly isOver: boolean;
  /** What there is to say of a run of any kind. The time that it took is written down with its settings. */
  readonly facts: () => Promise<RunFacts>;
}

export interface FederationRun<S> extends Following {
  readonly directory: RunDirectory;
  readonly settings: RunSettings<SimulatedJob>;
  readonly announced: Announcement;
  readonly keys: Keys;
  /** Identity keys of the population, hex. Default: all clients. */
  readonly members?: readonly string[];
  /** What clients fetch beside the job. */
  readonly artifacts: readonly (Uint8Array | undefined)[];
  readonly undertake: (library: Library, identities: readonly string[]) => Promise<Undertaking<S>>;
}

/** Virtual clients say nothing of themselves. @throws {Refusal} `run.eligible` */
export function requireEverybody({ cohort: { eligible } }: Pick<SimulatedJob, 'cohort'>): void {
  if (eligible === undefined) return;
  throw new Refusal(
    'run.eligible',
    'The job is for clients of certain attributes; virtual clients have none.',
    'Take `cohort.eligible` out of the job, or submit it to a coordinator: `tutti job submit`.',
  );
}

/** Milliseconds that a phase waits at the most; virtual clients that are lost are not waited for. */
const PHASE_DEADLINE = 10 * 60_000;

/** Runs a job with virtual clients in this process, by the client and server code that is deployed, from wherever its folder says that it stands. */
export async function runFederation<S>(options: FederationRun<S>): Promise<S> {
  const { directory, settings, announced, keys, signal, observe } = options;
  const started = performance.now();
  const now = () => Date.now();
  const { job } = settings;
  const randomness =
    settings.seed === undefined ? systemRandomness : seededRandomness(`seed ${settings.seed}`);
  const primitives = memoised(platform);
  const identities = keys.clients.map(({ identity }) => toHex(identity.publicKey));
  const withdrawn = withdrawnClients(settings.withdrawn ?? []);
  const members = new Set(options.members ?? identities);
  const absent = new Set(identities.filter((client) => withdrawn.has(client) || !members.has(client)));
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
      const library = new Library(transport.artifacts, primitives);
      for (const bytes of options.artifacts) if (bytes !== undefined) await artifacts.put(bytes);
      const undertaking = await options.undertake(library, identities);
      const journals = await PopulationJournals.open(directory);
      const population = new Population(
        {
          primitives,
          randomness,
          keys,
          library,
          work: undertaking.work,
          policy: policyFor(job),
          journal: (client) => journals.of(client),
          absent,
          dropout: job.simulation.dropout,
          now,
        },
        transport,
      );
      await population.gather();
      requireSameJob(ledger, toHex(platform.sha256(encodeAnnouncedJob(announced))));
      const order = [...members].sort();
      const { initialWeights, evaluate, parameters, backend } = undertaking;
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
        initialWeights,
        ...(evaluate && { evaluate }),
        now,
        phaseDeadline: PHASE_DEADLINE,
        grace: 0,
      });
      observe?.({
        kind: 'prepared',
        run: settings.run,
        directory: directory.path,
        clients: members.size,
        parameters,
        ...(backend !== undefined && { backend }),
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
      const isOver = stopped === 'rounds' || stopped === 'budget';
      if (isOver) await runner.close(stopped);
      const rounds = await store.rounds.of(runner.jobHash);
      const ended: EndedRun = {
        runner,
        artifacts,
        ledger: ledger.of(runner.jobHash),
        rounds,
        isOver,
        facts: async () => {
          const { releasedModel, coordinator } = runner.ledgerState.spent();
          const seconds = settings.seconds + (performance.now() - started) / 1000;
          await directory.saveSettings({ ...settings, seconds });
          return {
            run: settings.run,
            job: announced.name,
            stopped,
            rounds: runner.roundsCompleted,
            aborted: rounds.filter(({ outcome }) => outcome === 'aborted').length,
            clients: members.size,
            epsilon: { releasedModel, coordinator },
            delta: announced.privacy.delta,
            noiseMultiplier: announced.privacy.noiseMultiplier,
            transport: settings.transport,
            seeded: randomness.seeded,
            seconds,
            directory: directory.path,
          };
        },
      };
      const summary = await undertaking.conclude(ended);
      undertaking.close?.();
      return summary;
    } finally {
      await transport.close();
    }
  } finally {
    await store.close();
  }
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

/** Virtual clients agree to what the job asks of them, and hold the coordinator to it. */
function policyFor(job: SimulatedJob): ClientPolicy {
  return {
    maximumEpsilon: Number.MAX_VALUE,
    units: [job.privacy.unit],
    ...('noise' in job.privacy && job.privacy.noise !== undefined && { exampleNoise: [job.privacy.noise] }),
    maximumDelta: 0.1,
    minimumCohort: job.cohort.minimum,
    minimumCorruptFraction: job.cohort.corruptFraction,
    maximumAttempts: 2,
  };
}
