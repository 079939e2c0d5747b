import { Refusal } from '@tutti/shared/errors';
import { decode, type EncodingPlan, type LedgerEvent, type LedgerState } from '@tutti/shared/privacy';
import {
  encodeAnnouncedJob,
  planOf,
  rotationSeed,
  roundCost,
  sameRound,
  type RoundRecord,
  type RoundReference,
} from '@tutti/shared/protocol';
import type { ArtifactFiles } from '../store/artifact-files.js';
import { NotAffordable } from '../ledger/not-affordable.js';
import type { Tables } from '../store/store.js';
import type { JobState } from '../store/tables/jobs.js';
import { beginTask, restoreTask, TrainingTask, type Task } from '../tasks/index.js';
import { Attempt, type EndedAttempt } from './attempt.js';
import { attemptRecord } from './attempt-record.js';
import type { JobRunnerOptions } from './job-runner-options.js';
import type { AttemptOutcome, Debit } from './round-engine.js';
import { RoundLog, type InterruptedRound } from './round-log.js';

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
    private task: Task,
    private state: JobState,
    private interrupted: InterruptedRound | undefined,
  ) {}

  /** Opens a job, or takes it up where the store says that it stands: in the middle of a round, too. */
  static async open(options: JobRunnerOptions): Promise<JobRunner> {
    const { job, store, artifacts, ledger } = options;
    const plan = planOf(job);
    const name = await artifacts.put(encodeAnnouncedJob(job));
    await ledger.refresh();
    const ledgerState = ledger.stateOf(name);
    const known = await store.jobs.state(name);
    if (known === undefined) {
      const { startFrom, initialWeights } = options;
      const task =
        startFrom === undefined ? beginTask(job, plan, initialWeights) : restoreTask(job, plan, startFrom);
      const state = { job: name, rounds: 0, attempt: 0, ...(await keep(artifacts, task)) };
      const { unit, delta, epsilon } = job.privacy;
      const opened = {
        kind: 'job-opened',
        name: job.name,
        ...(unit === 'example' && { unit }),
        delta,
        epsilonBudget: epsilon,
        population: job.population,
        seeded: options.seeded,
      } as const;
      const begin = (tables: Tables) => tables.jobs.setState(state);
      ledgerState.apply(await ledger.append(name, opened, { store, also: begin }));
      return new JobRunner(options, plan, ledgerState, task, state, undefined);
    }
    const stored = { model: await artifacts.fetch(known.model), state: await artifacts.fetch(known.task) };
    const task = restoreTask(job, plan, stored);
    const runner = new JobRunner(options, plan, ledgerState, task, known, undefined);
    await runner.takeUp();
    return runner;
  }

  /** SHA-256 of the announced job. */
  get jobHash(): string {
    return this.state.job;
  }

  /** Of the model; none where the job trains none. */
  get weights(): Float32Array {
    return this.task instanceof TrainingTask ? this.task.weights : new Float32Array(0);
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
    const evaluation = await this.options.evaluate?.(this.weights);
    const ended = performance.now();
    const kept = await keep(this.options.artifacts, this.task);
    const { round, attempt } = reference;
    const spent = this.ledgerState.spent();
    const record = attemptRecord(reference, {
      cohort,
      outcome,
      evaluation,
      spent,
      kept,
      milliseconds: { evaluate: ended - evaluating, total: ended - started },
    });
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
    this.ledgerState.apply(await ledger.append(this.state.job, { kind: 'job-closed', reason }, { store }));
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

  private run(reference: RoundReference): Promise<EndedAttempt> {
    const { interrupted } = this;
    this.interrupted = undefined;
    const debit = (owed: Debit) => this.debit(reference, owed);
    const attempt = new Attempt(this.options, {
      plan: this.plan,
      reference,
      model: this.state.model,
      excluded: this.excluded,
      debit,
    });
    if (interrupted === undefined) return attempt.begin();
    return attempt.goOn(interrupted, this.ledgerState.undecided !== undefined);
  }

  /** Clients that one more round of this job would bring above what may be spent on each over all jobs. */
  get exhausted(): ReadonlySet<string> {
    const { caps, job } = this.options;
    if (caps === undefined) return new Set();
    return caps.exhausted({ ...this.cost(this.plan.maximumCohort), unit: job.privacy.unit });
  }

  /** Whoever has withdrawn, whoever has been charged for as many rounds as the job allows, and whoever has been charged as much as all jobs may. */
  private get excluded(): ReadonlySet<string> {
    const { job, withdrawn = [] } = this.options;
    const { participations } = job.cohort;
    const served = participations === undefined ? [] : this.ledgerState.chargedAtLeast(participations);
    return new Set([...withdrawn, ...served, ...this.exhausted]);
  }

  /** Once an attempt: a coordinator that died between the debit and what follows it asks for it again. */
  private async debit({ round, attempt }: RoundReference, debit: Debit): Promise<void> {
    const { undecided } = this.ledgerState;
    if (undecided?.round === round && undecided.attempt === attempt) return;
    const cost = this.cost(debit.sharers.length);
    const event: LedgerEvent = {
      kind: 'round-debited',
      round,
      attempt,
      ...cost,
      sharers: debit.sharers.length,
      survivors: debit.survivors.length,
      required: debit.required,
      participants: [...debit.sharers],
    };
    const { ledger, store, caps, job } = this.options;
    // Since the cohort was drawn other jobs may have been charged, here and by other coordinators.
    const check = () => {
      const exhausted = caps?.exhausted({ ...cost, unit: job.privacy.unit });
      const above = debit.sharers.filter((client) => exhausted?.has(client));
      if (above.length > 0) throw new NotAffordable(above.length);
    };
    this.ledgerState.apply(await ledger.append(this.state.job, event, { store, check }));
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
    const also = async (tables: Tables) => {
      if (record !== undefined) await tables.rounds.add(state.job, record);
      await tables.jobs.setState(state);
      await tables.roundLog.clear(state.job);
    };
    const entry = await ledger.append(state.job, event, { store, also });
    this.ledgerState.apply(entry);
    this.state = state;
    await files?.clear(state.job);
  }

  /** What one sum costs. Cohorts are drawn by `drawCohort`: secret, and independent for each client and round. */
  private cost(sharers: number) {
    return roundCost(this.options.job, this.plan, sharers);
  }
}

async function keep(artifacts: ArtifactFiles, task: Task): Promise<Pick<JobState, 'model' | 'task'>> {
  const { model, state } = task.toBytes();
  return { model: await artifacts.put(model), task: await artifacts.put(state) };
}
