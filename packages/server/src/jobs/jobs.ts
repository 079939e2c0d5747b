import type { KeyPair, Primitives, RandomSource, RevocationList } from '@tutti/shared/crypto';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { countWeights, drawInitialWeights, layoutOf } from '@tutti/shared/learning';
import {
  announcementSchema,
  encodeAnnouncedJob,
  isEvaluation,
  isTraining,
  planOf,
  roundCost,
  type AnnouncedJob,
  type Announcement,
  type RoundRecord,
} from '@tutti/shared/protocol';
import type { Expander } from '@tutti/shared/secagg';
import type { CoordinatorEvent, JobDetail, JobResult, JobSummary, Submission } from '../api/schemas.js';
import { covers } from '../api/roles.js';
import type { Sessions } from '../connection/index.js';
import type { ClientCaps } from '../ledger/client-caps.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { Actor } from '../operators/operators.js';
import type { AuditLog } from '../operators/audit-log.js';
import { JobRunner } from '../rounds/job-runner.js';
import type { ArtifactFiles, JobStatus, RoundFiles, Store, SubmittedJob } from '../store/index.js';
import { TrainingTask } from '../tasks/training-task.js';
import { keepBroughtModel } from './brought-model.js';
import type { Announce } from './announcing/index.js';
import { HeldLease } from './held-lease.js';
import { Leadership } from './leadership.js';
import { evaluatedHere } from './named-model.js';
import { standardisedHere } from './named-statistics.js';
import { declinedBecause, type BackOff } from './back-off.js';
import { runRounds } from './running-job.js';
import { requireStanding } from './require-standing.js';
import { readSubmission, requireOneShard } from './submission.js';
import { detailOf, summaryOf, type Standing } from './views.js';
import { waited } from './waiting.js';

export interface JobsOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly authority: Uint8Array;
  readonly groupId: Uint8Array;
  /** The newest list of revoked certificates that was accepted; left out, none is known. */
  readonly revocations?: () => RevocationList | undefined;
  readonly sessions: Sessions;
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  readonly files: RoundFiles;
  readonly expander?: Expander;
  readonly ledger: KeptLedger;
  readonly audit: AuditLog;
  /** Settles what a submitted job leaves open, off the thread of the sockets. */
  readonly announce: Announce;
  /** What may be spent on one client over all jobs. */
  readonly caps?: ClientCaps | undefined;
  /** Jobs with a larger budget are submitted by privacy officers only. */
  readonly epsilonWithoutOfficer?: number | undefined;
  /** A name that no other process has, nor this one after a restart. */
  readonly owner: string;
  /** Milliseconds. */
  readonly times: {
    /** After which a phase of a round closes with whoever has answered. */
    readonly phaseDeadline: number;
    /** For which a client whose connection is lost is still waited for. */
    readonly grace: number;
    /** Between two rounds of a job. */
    readonly pause: number;
    /** Between two attempts at a round. */
    readonly retry: BackOff;
    /** After which another coordinator takes a job over whose owner is not heard of. */
    readonly lease: number;
    /** Between two looks at whether enough clients are there. */
    readonly patience: number;
  };
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly publish: (event: CoordinatorEvent) => void;
  /** Told of what went wrong where nobody waits for an answer. */
  readonly failed: (what: string, error: unknown) => void;
}

/** A job that this process runs. */
interface Run {
  readonly held: HeldLease;
  readonly stopping: AbortController;
  ended: Promise<void>;
  /** Bytes of a masked vector. */
  inputBytes: number;
}

/** Bytes that any message but a masked vector fits: shares for a cohort of 2,048, say. */
const LEAST_BODY = 2 ** 20;

/**
 * The jobs of a coordinator, several at a time. What an operator wants of a job is in the store; this process runs whichever jobs it holds the
 * lease of, and looks again a few times in each lease's duration: what another process holds and does not renew is taken over, in the middle of a
 * round too.
 */
export class Jobs {
  private readonly runs = new Map<string, Run>();
  private readonly standings = new Map<string, Standing>();
  private readonly closing = new AbortController();
  private readonly leadership: Leadership;
  private watching: Promise<void> = Promise.resolve();

  constructor(private readonly options: JobsOptions) {
    const { store, owner, times } = options;
    this.leadership = new Leadership({ store, owner, duration: times.lease });
  }

  /** Whether this process is the one that lets clients in and runs jobs. */
  get serves(): boolean {
    return this.leadership.serves;
  }

  /** Whether a client is to be let in. While another coordinator is being succeeded, the answer waits for who it will be. */
  letsIn(): Promise<boolean> {
    return this.leadership.servesSoon();
  }

  /** Takes up every job that is to run and that nobody holds, from now on. */
  async start(): Promise<void> {
    const { lease } = this.options.times;
    const look = () => this.look().catch((error: unknown) => this.options.failed('jobs.look', error));
    await look();
    const watch = async () => {
      for (;;) {
        await waited(lease / 4, this.closing.signal);
        if (this.closing.signal.aborted) return;
        await look();
      }
    };
    this.watching = watch();
  }

  /** Finishes the rounds under way, and leaves the jobs to whoever takes them up next. */
  async close(): Promise<void> {
    this.closing.abort();
    for (const { stopping } of this.runs.values()) stopping.abort();
    await this.watching;
    await Promise.all([...this.runs.values()].map(({ ended }) => ended));
    await this.leadership.release();
  }

  /** Bytes of the largest message that a client may have to send to the jobs that run here. */
  get largestBody(): number {
    return Math.max(LEAST_BODY, ...[...this.runs.values()].map(({ inputBytes }) => LEAST_BODY + inputBytes));
  }

  /** Jobs that this process runs. */
  get running(): number {
    return this.runs.size;
  }

  /** @throws {Refusal} `job.syntax`, `job.invalid`, `job.shards`, `job.submitted-before`, `job.too-few-clients`, what {@link standardisedHere}, {@link evaluatedHere}, `announce` and {@link keepBroughtModel} refuse */
  async submit(by: Actor, { job: source, population, model }: Submission): Promise<JobDetail> {
    const { store, artifacts, audit, now } = this.options;
    const kept = {
      ...this.options,
      find: (named: string) => this.find(named),
      requireStanding: (found: SubmittedJob) => requireStanding(this.options, found),
    };
    const submitted = readSubmission(source);
    requireOneShard(submitted);
    const job = isEvaluation(submitted)
      ? await evaluatedHere({ ...kept, announced: (hash) => this.announced(hash) }, submitted)
      : await standardisedHere(kept, submitted);
    const enrolled = (await store.clients.population(job.cohort.eligible)).length;
    const counted = population ?? enrolled;
    if (counted < 3) {
      throw new Refusal(
        'job.too-few-clients',
        `${enrolled} clients are enrolled${job.cohort.eligible === undefined ? '' : ' that the job is for'}; δ and the divisor of the mean follow from how many take part, and 3 are the least.`,
        'Invite clients first, or say with `population` how many the guarantee shall count on.',
      );
    }
    const { epsilonWithoutOfficer } = this.options;
    if (job.privacy.epsilon > (epsilonWithoutOfficer ?? Infinity) && !covers(by.role, 'privacy-officer')) {
      throw new Refusal(
        'job.needs-privacy-officer',
        `The job’s budget is ε = ${job.privacy.epsilon}; above ${epsilonWithoutOfficer ?? Infinity} it takes a privacy officer to submit it.`,
        'Lower privacy.epsilon, or ask a privacy officer to submit the job.',
      );
    }
    const settled = await this.options.announce(job, counted);
    const announced = isTraining(settled) ? await keepBroughtModel(artifacts, settled, model) : settled;
    this.requireWithinCap(announced);
    // A model that could never begin is refused before anybody counts on it.
    await this.beginningOf(announced);
    const hash = await artifacts.put(encodeAnnouncedJob(announced));
    await audit.record(by.name, 'job.submit', hash, { name: job.name, population: counted });
    await store.jobs.submit({
      job: hash,
      name: job.name,
      status: 'running',
      submittedBy: by.name,
      submittedAt: now(),
      source,
    });
    this.tell(hash, 'running');
    await this.look();
    return this.show(hash);
  }

  /** @throws {Refusal} `job.client-cap` where a single round costs a client more than all jobs together may */
  private requireWithinCap(job: Announcement): void {
    const plan = planOf(job);
    const next = { ...roundCost(job, plan, plan.maximumCohort), unit: job.privacy.unit };
    if (this.options.caps?.affords(next) ?? true) return;
    throw new Refusal(
      'job.client-cap',
      'One round of the job costs a client more than this coordinator lets all jobs together cost it.',
      'Ask for more noise (a smaller privacy.epsilon, more clients), or raise privacy.client in the coordinator’s settings.',
    );
  }

  async list(): Promise<readonly JobSummary[]> {
    const summaries: JobSummary[] = [];
    for (const job of await this.options.store.jobs.list()) summaries.push(await this.summary(job));
    return summaries;
  }

  /** @throws {Refusal} `job.unknown`, `job.ambiguous` */
  async show(named: string): Promise<JobDetail> {
    const job = await this.find(named);
    return detailOf(await this.summary(job), await this.announced(job.job));
  }

  async rounds(named: string, after: number): Promise<readonly RoundRecord[]> {
    const { job } = await this.find(named);
    return (await this.options.store.rounds.of(job)).slice(after);
  }

  /** @throws {Refusal} `job.no-model` where the job has not begun, and what {@link requireStanding} refuses */
  async result(named: string): Promise<JobResult> {
    const found = await this.find(named);
    const { job, name, status } = found;
    await requireStanding(this.options, found);
    const state = await this.options.store.jobs.state(job);
    if (state === undefined) {
      throw new Refusal('job.no-model', `The job ${name} has not begun.`, 'Wait until it has made a round.');
    }
    const announced = await this.announced(job);
    const parameters = planOf(announced).dimension;
    const { model, rounds } = state;
    return { job, name, status, rounds, model, url: `/artifacts/${model}`, parameters, announced };
  }

  /** The whole privacy ledger, first to last. */
  async ledger() {
    await this.options.ledger.refresh();
    return this.options.ledger.all;
  }

  /** Entries of the privacy ledger that tell of a job, in order. */
  async ledgerOf(named: string) {
    const { job } = await this.find(named);
    await this.options.ledger.refresh();
    return this.options.ledger.of(job);
  }

  /** @throws {Refusal} `job.ended` where it is over */
  pause(by: Actor, named: string): Promise<JobSummary> {
    return this.change(by, named, 'job.pause', 'paused');
  }

  /** @throws {Refusal} `job.ended` where it is over */
  resume(by: Actor, named: string): Promise<JobSummary> {
    return this.change(by, named, 'job.resume', 'running');
  }

  /** Ends a job for good. @throws {Refusal} `job.ended` where it is over */
  stop(by: Actor, named: string): Promise<JobSummary> {
    return this.change(by, named, 'job.stop', 'stopped');
  }

  private async change(by: Actor, named: string, action: string, status: JobStatus): Promise<JobSummary> {
    const { store, audit } = this.options;
    const found = await this.find(named);
    const { job, name } = found;
    if (found.status === 'stopped' || found.status === 'finished') {
      throw new Refusal('job.ended', `The job ${name} is ${found.status}.`, 'Submit another job.');
    }
    await audit.record(by.name, action, job);
    await store.jobs.setStatus(job, status);
    this.standing(job).reason = null;
    this.tell(job, status);
    if (status === 'running') await this.look();
    else this.runs.get(job)?.stopping.abort();
    if (status === 'stopped' && !this.runs.has(job)) await this.takeUp(job);
    return this.summary({ ...found, status });
  }

  /** Ends what shall not run any more, takes up what nobody runs. */
  private async look(): Promise<void> {
    const { store, sessions } = this.options;
    await this.leadership.look();
    if (!this.serves) {
      for (const { stopping } of this.runs.values()) stopping.abort();
      // They find the one that serves by dialling again.
      sessions.disconnectAll();
      return;
    }
    for (const { job, status } of await store.jobs.list()) {
      if (this.closing.signal.aborted) return;
      const run = this.runs.get(job);
      if (run !== undefined) {
        if (status !== 'running') run.stopping.abort();
      } else if (status === 'running' || (status === 'stopped' && (await this.isOpen(job)))) {
        await this.takeUp(job);
      }
    }
  }

  private async isOpen(job: string): Promise<boolean> {
    const { ledger } = this.options;
    if (!ledger.jobs.has(job)) await ledger.refresh();
    return ledger.jobs.has(job) && ledger.stateOf(job).isOpen;
  }

  private async takeUp(job: string): Promise<void> {
    const { store, owner, times, failed } = this.options;
    if (this.runs.has(job) || this.closing.signal.aborted || !this.serves) return;
    const held = await HeldLease.acquire({ store, job, owner, duration: times.lease });
    if (held === undefined) return;
    const run: Run = { held, stopping: new AbortController(), ended: Promise.resolve(), inputBytes: 0 };
    this.runs.set(job, run);
    run.ended = this.run(job, run)
      .catch((error: unknown) => {
        const reason = error instanceof TuttiError ? error.code : 'server.failed';
        this.standing(job).reason = `failed, and will be tried again: ${reason}`;
        failed(`job ${job}`, error);
      })
      .finally(async () => {
        this.runs.delete(job);
        this.standing(job).live = null;
        await held.release();
      });
  }

  private async run(job: string, run: Run): Promise<void> {
    const { held, stopping } = run;
    const { primitives, random, signingKey, authority, groupId, sessions, artifacts, files } = this.options;
    const { ledger, times, now, publish } = this.options;
    const announced = await this.announced(job);
    const { paddedDimension, laneBits } = planOf(announced);
    run.inputBytes = Math.ceil((paddedDimension * laneBits) / 8);
    const { store } = held;
    const standing = this.standing(job);
    const begun = (await store.jobs.state(job)) !== undefined;
    // What a job has begun from may be gone by the time that it is gone on with.
    const beginning = begun ? { initialWeights: new Float32Array(0) } : await this.beginningOf(announced);
    const runner = await JobRunner.open({
      job: announced,
      primitives,
      signingKey,
      authority,
      groupId,
      sessions,
      population: () => store.clients.population(announced.cohort.eligible),
      store,
      artifacts,
      files,
      ...(this.options.revocations && { revocations: this.options.revocations }),
      ...(this.options.expander && { expander: this.options.expander }),
      ledger,
      caps: this.options.caps,
      random: () => random,
      seeded: false,
      ...beginning,
      now,
      phaseDeadline: times.phaseDeadline,
      grace: times.grace,
      signal: held.lost,
      observe: (live) => {
        standing.live = { ...live, since: new Date(now()).toISOString() };
        publish({ kind: 'phase', job, live: standing.live });
      },
    });
    const { samplingRate, minimum } = announced.cohort;
    // A draw is made without regard to who is connected; but none is made that is bound to be too small. A round that was interrupted has its cohort,
    // and deadlines that its clients keep to.
    const needed = Math.ceil(minimum / samplingRate);
    const stopped = await runRounds(
      {
        runner,
        pause: times.pause,
        retry: times.retry,
        patience: times.patience,
        hindrance: () =>
          runner.isInterrupted || sessions.size >= needed
            ? undefined
            : `waiting for clients: ${sessions.size} of ${needed} are connected`,
        waiting: (why) => {
          standing.reason = why ?? null;
        },
        recorded: (record) => {
          standing.latest = record;
          standing.live = null;
          publish({ kind: 'round', job, record: { ...record } });
        },
      },
      stopping.signal,
    );
    await this.conclude(job, runner, stopped);
  }

  private async conclude(job: string, runner: JobRunner, stopped: JobRunner['stopped']): Promise<void> {
    const { store, audit } = this.options;
    const status = (await store.jobs.find(job))?.status;
    if (status === 'stopped') {
      await runner.close('stopped');
    } else if (stopped === 'rounds' || stopped === 'budget') {
      await runner.close(stopped);
      await audit.record('jobs', 'job.finish', job, { reason: stopped });
      await store.jobs.setStatus(job, 'finished');
      this.standing(job).reason = stopped;
      this.tell(job, 'finished');
    } else if (stopped === 'stalled') {
      const declined = this.standing(job).latest?.declined;
      await audit.record('jobs', 'job.pause', job, { reason: stopped, ...(declined && { declined }) });
      await store.jobs.setStatus(job, 'paused');
      const standing = this.standing(job);
      const why = declinedBecause(standing.latest?.declined);
      standing.reason = `no attempt at the next round kept enough clients${why === undefined ? '' : `; they declined: ${why}`}`;
      this.tell(job, 'paused');
    }
  }

  private async find(named: string): Promise<SubmittedJob> {
    const jobs = await this.options.store.jobs.list();
    const matching = jobs.filter(
      ({ job, name }) => name === named || (/^[0-9a-f]{4,64}$/.test(named) && job.startsWith(named)),
    );
    const [found] = matching;
    if (found === undefined) {
      throw new Refusal('job.unknown', 'There is no such job.', 'List the jobs: `tutti job list`.');
    }
    if (matching.length > 1) {
      throw new Refusal(
        'job.ambiguous',
        `${matching.length} jobs are named so.`,
        'Give more of the hash: `tutti job list` shows it.',
      );
    }
    return found;
  }

  /** A job as the clients know it. */
  async announced(job: string): Promise<Announcement> {
    const bytes = await this.options.artifacts.fetch(job);
    return announcementSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  }

  /** A job that trains a model. @throws {Refusal} `job.kind` where it does something else */
  async training(job: string): Promise<AnnouncedJob> {
    const announced = await this.announced(job);
    if (isTraining(announced)) return announced;
    throw new Refusal(
      'job.kind',
      `The job ${announced.name} made noisy sums, which cannot be made again without one client.`,
      'Ask for the erasure of what was trained; delete what was counted, and have it counted anew.',
    );
  }

  /**
   * What a job begins from: weights that everybody can compute, or a state of an earlier job.
   * @throws {Refusal} `model.not-dense` where weights cannot be drawn here, `artifact.unknown` and `model.wrong-size` where there is no such state
   */
  private async beginningOf(job: Announcement) {
    if (!isTraining(job)) return { initialWeights: new Float32Array(0) };
    const { model, startFrom, server } = job;
    if (startFrom === undefined) return { initialWeights: drawInitialWeights(layoutOf(model), model.seed) };
    const { artifacts } = this.options;
    const [weights, state] = await Promise.all([
      artifacts.fetch(startFrom.model),
      artifacts.fetch(startFrom.optimiser),
    ]);
    const stored = { model: weights, state };
    const { weights: initialWeights } = TrainingTask.restore(server, 1, countWeights(model), stored);
    return { initialWeights, startFrom: stored };
  }

  private async summary(job: SubmittedJob): Promise<JobSummary> {
    const { store } = this.options;
    const standing = this.standing(job.job);
    const [announced, state, owner] = await Promise.all([
      this.announced(job.job),
      store.jobs.state(job.job),
      store.leases.holder(job.job),
    ]);
    // Rounds of other processes are not heard of here.
    const latest = this.runs.has(job.job) ? standing.latest : undefined;
    const record = latest ?? (await store.rounds.of(job.job)).at(-1);
    if (record !== undefined) standing.latest = record;
    return summaryOf({ job, announced, state, owner, standing });
  }

  private standing(job: string): Standing {
    const known = this.standings.get(job) ?? { reason: null, live: null, latest: undefined };
    this.standings.set(job, known);
    return known;
  }

  private tell(job: string, status: JobStatus): void {
    this.options.publish({ kind: 'job', job, status, reason: this.standing(job).reason });
  }
}
