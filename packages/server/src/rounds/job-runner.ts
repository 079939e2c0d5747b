import type { KeyPair, Primitives, RandomSource } from '@tutti/shared/crypto';
import { countWeights } from '@tutti/shared/learning';
import {
  decode,
  noiseDistance,
  releaseEvent,
  type EncodingPlan,
  type LedgerState,
} from '@tutti/shared/privacy';
import {
  attemptName,
  encodeAnnouncedJob,
  encodingPlan,
  rotationSeed,
  roundParameters,
  type AnnouncedJob,
  type RoundRecord,
  type RoundReference,
} from '@tutti/shared/protocol';
import { SecAggCoordinator, type Expander } from '@tutti/shared/secagg';
import type { Sessions } from '../connection/sessions.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { JobState, Store } from '../store/store.js';
import { TrainingTask } from '../tasks/training-task.js';
import { drawCohort } from './cohort.js';
import { RoundEngine, type AttemptOutcome, type Debit } from './round-engine.js';

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
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
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
  /** Takes the masks off. Left out, that is done on the calling thread. */
  readonly expander?: Expander;
}

/** Why a job has no further round. */
export type Stopped = 'rounds' | 'budget' | 'stalled';

/** Aborted attempts in a row after which a job gives up: something is wrong that another draw will not mend. */
const MOST_ATTEMPTS = 20;

/**
 * Runs a job, an attempt at a round at a time: draw, train and sum through the round engine, debit before unmasking, apply the
 * sum, record. What it knows is in the store after every attempt, so that another runner can take over between any two.
 */
export class JobRunner {
  private constructor(
    private readonly options: JobRunnerOptions,
    readonly plan: EncodingPlan,
    readonly ledgerState: LedgerState,
    private task: TrainingTask,
    private state: JobState,
  ) {}

  /** Opens a job, or takes it up where the store says that it stands. */
  static async open(options: JobRunnerOptions): Promise<JobRunner> {
    const { job, store, artifacts, ledger } = options;
    const plan = encodingPlan(job);
    const name = await artifacts.put(encodeAnnouncedJob(job));
    const expectedCohort = job.cohort.samplingRate * job.population;
    const known = await store.jobState(name);
    if (known !== undefined) {
      const ledgerState = ledger.stateOf(name);
      const undecided = ledgerState.undecided;
      let state = known;
      if (undecided !== undefined) {
        // The last coordinator died after the debit: whether anybody saw the sum is unknown, so that it stays charged.
        const { round, attempt } = undecided;
        const event = {
          kind: 'round-aborted',
          round,
          attempt,
          phase: 'unmask',
          reason: 'restart',
          charged: true,
        } as const;
        ledgerState.apply(await ledger.append(name, event));
        state = { ...known, attempt: attempt + 1 };
      }
      const stored = { model: await artifacts.fetch(state.model), state: await artifacts.fetch(state.task) };
      const task = TrainingTask.restore(job.server, expectedCohort, countWeights(job.model), stored);
      return new JobRunner(options, plan, ledgerState, task, state);
    }
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
    const ledgerState = ledger.stateOf(name).apply(await ledger.append(name, opened));
    await store.openJob(state);
    return new JobRunner(options, plan, ledgerState, task, state);
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

  /** Whether, and why, there is no further round. */
  get stopped(): Stopped | undefined {
    const { job } = this.options;
    if (this.state.rounds >= job.rounds) return 'rounds';
    if (this.state.attempt >= MOST_ATTEMPTS) return 'stalled';
    const next = this.cost(this.plan.maximumCohort);
    return this.ledgerState.affords(next) ? undefined : 'budget';
  }

  /** The next attempt a round is made at. */
  get next(): RoundReference {
    return { job: this.state.job, round: this.state.rounds + 1, attempt: this.state.attempt };
  }

  /** Makes one attempt at the next round, and records it. To be called only while {@link stopped} is undefined. */
  async attempt(): Promise<RoundRecord> {
    const { job, population, random, artifacts, store } = this.options;
    const reference = this.next;
    const started = performance.now();
    const cohort = drawCohort(
      await population(),
      job.cohort.samplingRate,
      random(`coordinator/cohort/${attemptName(reference)}`),
    );
    const outcome = await this.run(reference, cohort);
    if (outcome.kind === 'completed') {
      const seed = rotationSeed(this.options.primitives, reference, this.state.model);
      this.task = this.task.complete(
        decode(this.plan, outcome.sum, { rotationSeed: seed, primitives: this.options.primitives }),
      );
    }
    const evaluating = performance.now();
    const evaluation = await this.options.evaluate?.(this.task.weights);
    const kept = await keep(artifacts, this.task);
    const { round, attempt } = reference;
    await this.write(
      outcome.kind === 'completed'
        ? { kind: 'round-completed', round, attempt, model: kept.model }
        : {
            kind: 'round-aborted',
            round,
            attempt,
            phase: outcome.phase,
            reason: outcome.code,
            charged: outcome.charged,
          },
    );
    const ended = performance.now();
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
    };
    this.state =
      outcome.kind === 'completed'
        ? { job: this.state.job, rounds: round, attempt: 0, ...kept }
        : { ...this.state, attempt: attempt + 1 };
    await store.recordRound(record, this.state);
    return record;
  }

  /** Writes the end of the job into the ledger. */
  async close(reason: 'rounds' | 'budget' | 'stopped'): Promise<void> {
    if (this.ledgerState.isOpen) await this.write({ kind: 'job-closed', reason });
  }

  private async run(reference: RoundReference, cohort: readonly string[]): Promise<AttemptOutcome> {
    const { job, primitives, signingKey, authority, groupId, sessions, now, phaseDeadline, grace, expander } =
      this.options;
    const least = Math.max(3, job.cohort.minimum);
    if (cohort.length < least || cohort.length > job.cohort.maximum) {
      return notOpened(cohort.length < least ? 'round.cohort-too-small' : 'round.cohort-too-large');
    }
    const opened = now();
    const machine = new SecAggCoordinator({
      primitives,
      signingKey,
      authority,
      ...(expander && { expander }),
      parameters: roundParameters(primitives, {
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
      }),
    });
    return new RoundEngine({
      machine,
      reference,
      model: this.state.model,
      cohort,
      sessions,
      now,
      phaseDeadline,
      grace,
      debit: (debit) => this.debit(reference, debit),
    }).run();
  }

  private async debit({ round, attempt }: RoundReference, debit: Debit): Promise<void> {
    await this.write({
      kind: 'round-debited',
      round,
      attempt,
      ...this.cost(debit.sharers.length),
      sharers: debit.sharers.length,
      survivors: debit.survivors.length,
      required: debit.required,
      participants: [...debit.sharers],
    });
  }

  private async write(event: Parameters<KeptLedger['append']>[1]): Promise<void> {
    this.ledgerState.apply(await this.options.ledger.append(this.state.job, event));
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

/** An attempt whose draw cannot be opened: nobody was asked for anything. */
function notOpened(code: string): AttemptOutcome {
  return {
    kind: 'aborted',
    code,
    phase: 'draw',
    charged: false,
    roster: 0,
    sharers: 0,
    survivors: 0,
    responders: 0,
    milliseconds: {},
    refusals: new Map(),
  };
}
