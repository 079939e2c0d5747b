import type { KeyPair, Primitives, RandomSource, RevocationList } from '@tutti/shared/crypto';
import { TuttiError } from '@tutti/shared/errors';
import { planOf } from '@tutti/shared/protocol';
import type { Expander } from '@tutti/shared/secagg';
import type { CoordinatorEvent } from '../api/schemas.js';
import type { Sessions } from '../connection/index.js';
import type { ClientCaps } from '../ledger/client-caps.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { AuditLog } from '../operators/audit-log.js';
import { JobRunner } from '../rounds/job-runner.js';
import type { ArtifactFiles, RoundFiles, Store } from '../store/index.js';
import { declinedBecause, type BackOff } from './back-off.js';
import { beginningOf } from './beginning.js';
import { clientsForDraws } from './draws.js';
import { HeldLease } from './held-lease.js';
import type { KeptJobs } from './kept-jobs.js';
import { runRounds } from './running-job.js';
import type { Standings } from './standings.js';

/** What running a job takes. */
export interface RunsOptions {
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
  /** What may be spent on one client over all jobs. */
  readonly caps?: ClientCaps | undefined;
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

/** The jobs that this process runs, each under a lease of its own. */
export class Runs {
  private readonly runs = new Map<string, Run>();
  private closing = false;

  constructor(
    private readonly options: RunsOptions,
    private readonly kept: KeptJobs,
    private readonly standings: Standings,
  ) {}

  /** How many there are. */
  get size(): number {
    return this.runs.size;
  }

  has(job: string): boolean {
    return this.runs.has(job);
  }

  /** Bytes of the largest message that a client may have to send to them. */
  get largestBody(): number {
    return Math.max(LEAST_BODY, ...[...this.runs.values()].map(({ inputBytes }) => LEAST_BODY + inputBytes));
  }

  /** Lets a job end after the round under way, if it runs here. */
  end(job: string): void {
    this.runs.get(job)?.stopping.abort();
  }

  /** Lets all but so many end after the round under way: those that were taken up last. */
  endAllBut(most: number): void {
    for (const { stopping } of [...this.runs.values()].slice(most)) stopping.abort();
  }

  endAll(): void {
    this.endAllBut(0);
  }

  /** Ends all, takes up none any more. */
  close(): void {
    this.closing = true;
    this.endAll();
  }

  /** Resolves when a job that runs now has ended; left out, when all have. */
  async ended(job?: string): Promise<void> {
    if (job !== undefined) return this.runs.get(job)?.ended;
    await Promise.all([...this.runs.values()].map(({ ended }) => ended));
  }

  /** Runs a job, unless it runs already, here or elsewhere. One that is paused or stopped begins no round: it is opened, or closed, in the ledger. */
  async takeUp(job: string): Promise<void> {
    const { store, owner, times, failed } = this.options;
    if (this.runs.has(job) || this.closing) return;
    const held = await HeldLease.acquire({ store, job, owner, duration: times.lease });
    if (held === undefined) return;
    const run: Run = { held, stopping: new AbortController(), ended: Promise.resolve(), inputBytes: 0 };
    this.runs.set(job, run);
    run.ended = this.run(job, run)
      .catch((error: unknown) => {
        const reason = error instanceof TuttiError ? error.code : 'server.failed';
        this.standings.of(job).reason = `failed, and will be tried again: ${reason}`;
        failed(`job ${job}`, error);
      })
      .finally(async () => {
        this.runs.delete(job);
        this.standings.of(job).live = null;
        await held.release();
      });
  }

  private async run(job: string, run: Run): Promise<void> {
    const { held, stopping } = run;
    const { primitives, random, signingKey, authority, groupId, sessions, artifacts, files } = this.options;
    const { ledger, times, now, publish } = this.options;
    const announced = await this.kept.announced(job);
    const { paddedDimension, laneBits } = planOf(announced);
    run.inputBytes = Math.ceil((paddedDimension * laneBits) / 8);
    const { store } = held;
    const standing = this.standings.of(job);
    const begun = (await store.jobs.state(job)) !== undefined;
    // What a job has begun from may be gone by the time that it is gone on with.
    const beginning = begun
      ? { initialWeights: new Float32Array(0) }
      : await beginningOf(artifacts, announced);
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
    // A draw is made without regard to who is connected; but none is made that might easily be too small. A round that was interrupted has its cohort,
    // and deadlines that its clients keep to.
    const needed = clientsForDraws(announced);
    const isToRun = (await store.jobs.find(job))?.status === 'running';
    if (!isToRun) stopping.abort();
    if (!isToRun && !runner.isInterrupted) return this.conclude(job, runner, undefined);
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
      this.standings.of(job).reason = stopped;
      this.standings.tell(job, 'finished');
    } else if (stopped === 'stalled') {
      const declined = this.standings.of(job).latest?.declined;
      await audit.record('jobs', 'job.pause', job, { reason: stopped, ...(declined && { declined }) });
      await store.jobs.setStatus(job, 'paused');
      const standing = this.standings.of(job);
      const why = declinedBecause(standing.latest?.declined);
      standing.reason = `no attempt at the next round kept enough clients${why === undefined ? '' : `; they declined: ${why}`}`;
      this.standings.tell(job, 'paused');
    }
  }
}
