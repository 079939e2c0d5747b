import type { KeyPair, Primitives, RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import {
  decode,
  noiseDistance,
  releaseEvent,
  type EncodingPlan,
  type LedgerEvent,
  type LedgerState,
} from '@tutti/shared/privacy';
import {
  encodeAnnouncedJob,
  encodingPlan,
  rotationSeed,
  roundParameters,
  sameRound,
  type AnnouncedJob,
  type RoundRecord,
  type RoundReference,
} from '@tutti/shared/protocol';
import {
  SecAggCoordinator,
  type CoordinatorOptions,
  type Expander,
  type Phase,
  type RoundParameters,
} from '@tutti/shared/secagg';
import type { Sessions } from '../connection/index.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { RoundFiles } from '../store/round-files.js';
import type { Store, Tables } from '../store/store.js';
import type { JobState } from '../store/tables/jobs.js';
import { TrainingTask } from '../tasks/training-task.js';
import { cohortPurpose, drawCohort } from './cohort.js';
import { RoundEngine, type AttemptOutcome, type Debit, type Resumed } from './round-engine.js';
import { RoundLog, type InterruptedRound } from './round-log.js';

/** A round that is under way. */
export interface RoundProgress {
  readonly round: number;
  readonly attempt: number;
  readonly phase: Phase;
  /** Clients drawn for it. */
  readonly selected: number;
}

/** How good a model is on public rows. */
export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
}

export interface JobRunnerOptions {
  readonly job: AnnouncedJob;
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly authority: Uint8Array;
  readonly groupId: Uint8Array;
  readonly sessions: Sessions;
  /** Everybody enrolled by now, in a fixed order: the cohorts are drawn from it. */
  readonly population: () => Promise<readonly string[]>;
  /** Of the population, clients that have withdrawn: each keeps its place in the draw, and is never drawn. */
  readonly withdrawn?: ReadonlySet<string>;
  /** Where several coordinators share it: under the lease of this job. */
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  /** Where long vectors of a round under way are kept. Left out, a crash in the middle of a round costs the round. */
  readonly files?: RoundFiles;
  /** Milliseconds for which a message may wait to be made durable together with others, while nothing depends on it. Default: 50. */
  readonly groupCommit?: number;
  readonly ledger: KeptLedger;
  /** The randomness of one purpose. */
  readonly random: (purpose: string) => RandomSource;
  readonly seeded: boolean;
  readonly initialWeights: Float32Array;
  /** Evaluates a model on public rows, where the coordinator has any. */
  readonly evaluate?: (weights: Float32Array) => Promise<Evaluation>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly phaseDeadline: number;
  readonly grace: number;
  /** Told of every phase of every attempt, as it begins. */
  readonly observe?: (progress: RoundProgress) => void;
  /** Takes the masks off. Left out, that is done on the calling thread. */
  readonly expander?: Expander;
  /** Aborted: a round under way is left as it is, at once. The next runner takes it up. */
  readonly signal?: AbortSignal;
}

/** Why a job has no further round. */
export type Stopped = 'rounds' | 'budget' | 'stalled';

/** Aborted attempts in a row after which a runner gives up: something is wrong that another draw will not mend. */
const MOST_ATTEMPTS = 20;
/** The highest number that the wire has for an attempt. */
const LAST_ATTEMPT = 1000;

/**
 * Runs a job, an attempt at a round at a time: draw, train and sum through the round engine, debit before unmasking, apply the
 * sum, record. What it knows is in the store, so that another runner can take over at any time. A runner that throws is over: whether its last
 * write was done is unknown, so that the job is opened again and goes on from what the store says.
 */
export class JobRunner {
  /** Aborted attempts in a row. */
  private failures = 0;

  private constructor(
    private readonly options: JobRunnerOptions,
    readonly plan: EncodingPlan,
    readonly ledgerState: LedgerState,
    private task: TrainingTask,
    private state: JobState,
    private interrupted: InterruptedRound | undefined,
  ) {}

  /** Opens a job, or takes it up where the store says that it stands: in the middle of a round, too. */
  static async open(options: JobRunnerOptions): Promise<JobRunner> {
    const { job, store, artifacts, ledger } = options;
    const plan = encodingPlan(job);
    const name = await artifacts.put(encodeAnnouncedJob(job));
    await ledger.refresh();
    const ledgerState = ledger.stateOf(name);
    const expectedCohort = job.cohort.samplingRate * job.population;
    const known = await store.jobs.state(name);
    if (known === undefined) {
      const task = TrainingTask.start(job.server, expectedCohort, options.initialWeights);
      const state = { job: name, rounds: 0, attempt: 0, ...(await keep(artifacts, task)) };
      const { delta, epsilon } = job.privacy;
      const opened = {
        kind: 'job-opened',
        name: job.name,
        delta,
        epsilonBudget: epsilon,
        population: job.population,
        seeded: options.seeded,
      } as const;
      const begin = (tables: Tables) => tables.jobs.setState(state);
      ledgerState.apply(await ledger.append(name, opened, store, begin));
      return new JobRunner(options, plan, ledgerState, task, state, undefined);
    }
    const stored = { model: await artifacts.fetch(known.model), state: await artifacts.fetch(known.task) };
    const task = TrainingTask.restore(job.server, expectedCohort, countWeights(job.model), stored);
    const runner = new JobRunner(options, plan, ledgerState, task, known, undefined);
    await runner.takeUp();
    return runner;
  }

  /** SHA-256 of the announced job. */
  get jobHash(): string {
    return this.state.job;
  }

  get weights(): Float32Array {
    return this.task.weights;
  }

  get modelHash(): string {
    return this.state.model;
  }

  get roundsCompleted(): number {
    return this.state.rounds;
  }

  /** Whether the next attempt is one that another runner left in the middle. */
  get isInterrupted(): boolean {
    return this.interrupted !== undefined;
  }

  /** Whether, and why, there is no further round. */
  get stopped(): Stopped | undefined {
    if (this.interrupted !== undefined) return undefined;
    const { job } = this.options;
    if (this.state.rounds >= job.rounds) return 'rounds';
    if (this.failures >= MOST_ATTEMPTS || this.state.attempt > LAST_ATTEMPT) return 'stalled';
    const next = this.cost(this.plan.maximumCohort);
    return this.ledgerState.affords(next) ? undefined : 'budget';
  }

  /** The next attempt a round is made at. */
  get next(): RoundReference {
    return { job: this.state.job, round: this.state.rounds + 1, attempt: this.state.attempt };
  }

  /**
   * Makes one attempt at the next round, or goes on with the one that was interrupted, and records it. To be called only while
   * {@link stopped} is undefined.
   */
  async attempt(): Promise<RoundRecord> {
    const reference = this.next;
    const started = performance.now();
    const { cohort, outcome } = await this.run(reference);
    if (outcome.kind === 'completed') {
      const seed = rotationSeed(this.options.primitives, reference, this.state.model);
      this.task = this.task.complete(
        decode(this.plan, outcome.sum, { rotationSeed: seed, primitives: this.options.primitives }),
      );
    }
    const evaluating = performance.now();
    const evaluation = await this.options.evaluate?.(this.task.weights);
    const ended = performance.now();
    const kept = await keep(this.options.artifacts, this.task);
    const { round, attempt } = reference;
    const spent = this.ledgerState.spent();
    const phases = outcome.milliseconds;
    const record: RoundRecord = {
      round,
      attempt,
      outcome: outcome.kind,
      ...(outcome.kind === 'aborted' && { reason: outcome.code }),
      selected: cohort.length,
      roster: outcome.roster,
      sharers: outcome.sharers,
      survivors: outcome.survivors,
      lost: {
        advertise: cohort.length - outcome.roster,
        share: outcome.roster - outcome.sharers,
        input: outcome.sharers - outcome.survivors,
        unmask: outcome.survivors - outcome.responders,
      },
      ...(evaluation && { loss: evaluation.loss, accuracy: evaluation.accuracy }),
      epsilon: { releasedModel: spent.releasedModel, coordinator: spent.coordinator },
      milliseconds: {
        train: phases['advertise'] ?? 0,
        share: (phases['reveal-seed'] ?? 0) + (phases['share'] ?? 0),
        input: phases['input'] ?? 0,
        unmask: (phases['consistency'] ?? 0) + (phases['unmask'] ?? 0),
        evaluate: ended - evaluating,
        total: ended - started,
      },
      modelHash: kept.model,
      taskHash: kept.task,
    };
    this.failures = outcome.kind === 'completed' ? 0 : this.failures + 1;
    if (outcome.kind === 'completed') {
      const state = { job: this.state.job, rounds: round, attempt: 0, ...kept };
      await this.conclude({ kind: 'round-completed', round, attempt, model: kept.model }, state, record);
    } else {
      await this.abort(reference, outcome, record);
    }
    return record;
  }

  /** Writes the end of the job into the ledger. */
  async close(reason: 'rounds' | 'budget' | 'stopped'): Promise<void> {
    if (!this.ledgerState.isOpen) return;
    const { ledger, store } = this.options;
    this.ledgerState.apply(await ledger.append(this.state.job, { kind: 'job-closed', reason }, store));
  }

  /** Finds out what the last runner left in the middle. What cannot be gone on with is given up, and stays charged if it was. */
  private async takeUp(): Promise<void> {
    const { store, files } = this.options;
    const reference = this.next;
    const { undecided } = this.ledgerState;
    const left = await store.roundLog.unfinished(this.state.job);
    await files?.clear(this.state.job, reference);
    if (files !== undefined && left !== undefined && sameRound(left, reference)) {
      try {
        this.interrupted = await RoundLog.resume({ store, files, reference });
        return;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { code } = error;
        return this.abort(reference, { phase: 'restart', code, charged: undecided !== undefined });
      }
    }
    // The last coordinator died after the debit and kept no log: whether anybody saw the sum is unknown, so that it stays charged.
    if (undecided !== undefined) {
      const { round, attempt } = undecided;
      const given = { job: this.state.job, round, attempt };
      await this.abort(given, { phase: 'unmask', code: 'restart', charged: true });
    }
  }

  private async run(
    reference: RoundReference,
  ): Promise<{ readonly cohort: readonly string[]; readonly outcome: AttemptOutcome }> {
    const { job, population, withdrawn, random, store, files } = this.options;
    const { interrupted } = this;
    if (interrupted !== undefined) {
      this.interrupted = undefined;
      return { cohort: interrupted.cohort, outcome: await this.goOn(reference, interrupted) };
    }
    const draw = random(cohortPurpose(reference));
    const cohort = drawCohort(await population(), job.cohort.samplingRate, draw, withdrawn);
    const least = Math.max(3, job.cohort.minimum);
    if (cohort.length < least || cohort.length > job.cohort.maximum) {
      const code = cohort.length < least ? 'round.cohort-too-small' : 'round.cohort-too-large';
      return { cohort, outcome: endedBefore('draw', code, false) };
    }
    const parameters = this.parameters(reference);
    const machine = new SecAggCoordinator(this.machineOptions(parameters));
    const log = files && (await RoundLog.begin({ store, files, reference }, { cohort, parameters }));
    return { cohort, outcome: await this.engine(reference, { machine, cohort, parameters, log }).run() };
  }

  private async goOn(reference: RoundReference, interrupted: InterruptedRound): Promise<AttemptOutcome> {
    const { cohort, parameters, records, log } = interrupted;
    const charged = this.ledgerState.undecided !== undefined;
    const last = records.at(-1);
    if (last?.kind === 'aborted') return endedBefore(last.phase, last.code, charged);
    let machine: SecAggCoordinator;
    try {
      machine = await SecAggCoordinator.restore(this.machineOptions(parameters), records);
    } catch {
      return endedBefore('restart', 'round.log-damaged', charged);
    }
    const advertised = records.flatMap((record) =>
      record.kind === 'message' && record.type === 'advert' ? [record.from] : [],
    );
    const resumed = { charged, advertised };
    return this.engine(reference, { machine, cohort, parameters, log, resumed }).run();
  }

  private engine(
    reference: RoundReference,
    {
      machine,
      cohort,
      parameters,
      log,
      resumed,
    }: {
      readonly machine: SecAggCoordinator;
      readonly cohort: readonly string[];
      readonly parameters: RoundParameters;
      readonly log: RoundLog | undefined;
      readonly resumed?: Resumed;
    },
  ): RoundEngine {
    const { sessions, now, phaseDeadline, grace, groupCommit, observe, signal } = this.options;
    return new RoundEngine({
      machine,
      reference,
      model: this.state.model,
      cohort,
      sessions,
      now,
      phaseDeadline,
      grace,
      entered: (phase) => {
        const { round, attempt } = reference;
        observe?.({ round, attempt, phase, selected: cohort.length });
      },
      deadlines: parameters.deadlines,
      debit: (debit) => this.debit(reference, debit),
      ...(log && { log }),
      ...(signal && { signal }),
      ...(groupCommit !== undefined && { groupCommit }),
      ...(resumed && { resumed }),
    });
  }

  private parameters(reference: RoundReference): RoundParameters {
    const { job, primitives, groupId, phaseDeadline, now } = this.options;
    const opened = now();
    return roundParameters(primitives, {
      job,
      plan: this.plan,
      reference,
      modelHash: this.state.model,
      groupId,
      revocationVersion: 0,
      deadlines: {
        advertise: opened + phaseDeadline,
        revealSeed: opened + 2 * phaseDeadline,
        share: opened + 3 * phaseDeadline,
        input: opened + 4 * phaseDeadline,
        consistency: opened + 5 * phaseDeadline,
        unmask: opened + 6 * phaseDeadline,
      },
    });
  }

  private machineOptions(parameters: RoundParameters): CoordinatorOptions {
    const { primitives, signingKey, authority, expander } = this.options;
    return { primitives, signingKey, authority, parameters, ...(expander && { expander }) };
  }

  /** Once an attempt: a coordinator that died between the debit and what follows it asks for it again. */
  private async debit({ round, attempt }: RoundReference, debit: Debit): Promise<void> {
    const { undecided } = this.ledgerState;
    if (undecided?.round === round && undecided.attempt === attempt) return;
    const event: LedgerEvent = {
      kind: 'round-debited',
      round,
      attempt,
      ...this.cost(debit.sharers.length),
      sharers: debit.sharers.length,
      survivors: debit.survivors.length,
      required: debit.required,
      participants: [...debit.sharers],
    };
    const { ledger, store } = this.options;
    this.ledgerState.apply(await ledger.append(this.state.job, event, store));
  }

  private abort(
    { round, attempt }: RoundReference,
    {
      phase,
      code,
      charged,
    }: Pick<Extract<AttemptOutcome, { kind: 'aborted' }>, 'phase' | 'code' | 'charged'>,
    record?: RoundRecord,
  ): Promise<void> {
    const event = { kind: 'round-aborted', round, attempt, phase, reason: code, charged } as const;
    return this.conclude(event, { ...this.state, attempt: attempt + 1 }, record);
  }

  /** The end of an attempt, its record and where the job stands become durable together; the log goes with them. */
  private async conclude(event: LedgerEvent, state: JobState, record?: RoundRecord): Promise<void> {
    const { ledger, store, files } = this.options;
    const entry = await ledger.append(state.job, event, store, async (tables) => {
      if (record !== undefined) await tables.rounds.add(state.job, record);
      await tables.jobs.setState(state);
      await tables.roundLog.clear(state.job);
    });
    this.ledgerState.apply(entry);
    this.state = state;
    await files?.clear(state.job);
  }

  /** What one sum costs. Cohorts are drawn by {@link drawCohort}: secret, and independent for each client and round. */
  private cost(sharers: number) {
    return {
      release: releaseEvent(this.plan, sharers),
      noiseDistance: noiseDistance(this.plan, sharers),
      sampling: { kind: 'poisson', rate: this.options.job.cohort.samplingRate } as const,
    };
  }
}

async function keep(artifacts: ArtifactFiles, task: TrainingTask): Promise<Pick<JobState, 'model' | 'task'>> {
  const { model, state } = task.toBytes();
  return { model: await artifacts.put(model), task: await artifacts.put(state) };
}

/** An attempt that an engine did not run to its end. */
function endedBefore(phase: string, code: string, charged: boolean): AttemptOutcome {
  return {
    kind: 'aborted',
    code,
    phase,
    charged,
    roster: 0,
    sharers: 0,
    survivors: 0,
    responders: 0,
    milliseconds: {},
    refusals: new Map(),
  };
}
