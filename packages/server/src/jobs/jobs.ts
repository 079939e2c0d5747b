import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry } from '@tutti/shared/privacy';
import {
  encodeAnnouncedJob,
  planOf,
  type AnnouncedJob,
  type Announcement,
  type RoundRecord,
} from '@tutti/shared/protocol';
import type { CanariesRequest, JobDetail, JobResult, JobSummary, Submission } from '../api/schemas.js';
import type { Actor } from '../operators/operators.js';
import type { AttemptAt, JobStatus, SubmittedJob } from '../store/index.js';
import { requireCanaryRoom, requireUnbegun } from './canaries.js';
import { KeptJobs } from './kept-jobs.js';
import { requireStanding } from './require-standing.js';
import { Runs, type RunsOptions } from './runs.js';
import { ServedAddress, type ServingCoordinator } from './served-address.js';
import { shareOf } from './share.js';
import { settledSubmission, type SettlingOptions } from './settling.js';
import { Standings } from './standings.js';
import { detailOf, summaryOf } from './views.js';
import { waited } from './waiting.js';

export interface JobsOptions extends RunsOptions, SettlingOptions {
  /** Where clients reach this coordinator. */
  readonly address: () => string;
}

/**
 * The jobs of a coordinator, several at a time. What an operator wants of a job is in the store; this process runs whichever jobs it holds the
 * lease of, no more than its share among all that serve, and looks again a few times in each lease's duration: what another process holds and does not
 * renew is taken over, in the middle of a round too.
 */
export class Jobs {
  private readonly kept: KeptJobs;
  private readonly standings: Standings;
  private readonly runs: Runs;
  private readonly closing = new AbortController();
  private readonly address: ServedAddress;
  /** Everybody who serves, as of the latest look. */
  private serving: readonly ServingCoordinator[] = [];
  private watching: Promise<void> = Promise.resolve();

  constructor(private readonly options: JobsOptions) {
    const { store, owner, times } = options;
    this.kept = new KeptJobs(options);
    this.standings = new Standings(options.publish);
    this.runs = new Runs(options, this.kept, this.standings);
    this.address = new ServedAddress({ store, owner, duration: times.lease }, options.address);
  }

  /** Whether this process lets clients in and runs jobs. */
  get serves(): boolean {
    return this.address.isHeld;
  }

  /** Where clients find the coordinators that share the jobs, this one among them. */
  get addresses(): readonly string[] {
    return this.serving.map(({ address }) => address);
  }

  /** Whether a client is to be let in. While another coordinator is being succeeded, the answer waits for who it will be. */
  letsIn(): Promise<boolean> {
    return this.address.isHeldSoon();
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
    this.runs.close();
    await this.watching;
    await this.runs.ended();
    await this.address.release();
  }

  /** Bytes of the largest message that a client may have to send to the jobs that run here. */
  get largestBody(): number {
    return this.runs.largestBody;
  }

  /** Jobs that this process runs. */
  get running(): number {
    return this.runs.size;
  }

  /**
   * Writes a commitment to canaries into the audit log and the ledger, before anything of the job is charged.
   * @throws {Refusal} `canaries.not-open`, `canaries.begun`, `canaries.committed`, and what {@link requireCanaryRoom} refuses; `job.unknown`, `job.ambiguous`
   */
  async commitCanaries(
    by: Actor,
    named: string,
    { canaries, commitment }: CanariesRequest,
  ): Promise<LedgerEntry> {
    const { ledger, audit } = this.options;
    const { job, name, status } = await this.kept.find(named);
    requireCanaryRoom(await this.kept.announced(job), canaries);
    await ledger.refresh();
    if (!ledger.jobs.has(job) && status === 'paused') {
      await this.takeUp(job);
      await this.runs.ended(job);
    }
    const check = () => requireUnbegun(ledger.stateOf(job), name);
    check();
    await audit.record(by.name, 'canaries.commit', job, { canaries, commitment });
    return ledger.append(job, { kind: 'canaries-committed', canaries, commitment }, { check });
  }

  /** @throws {Refusal} `job.submitted-before`, and what {@link settledSubmission} refuses */
  async submit(by: Actor, submission: Submission): Promise<JobDetail> {
    const { store, artifacts, audit, now } = this.options;
    const { announced, population } = await settledSubmission(this.options, this.kept, by, submission);
    const { name } = announced;
    const hash = await artifacts.put(encodeAnnouncedJob(announced));
    await audit.record(by.name, 'job.submit', hash, { name, population });
    const status = submission.paused === true ? 'paused' : 'running';
    await store.jobs.submit({
      job: hash,
      name,
      status,
      submittedBy: by.name,
      submittedAt: now(),
      source: submission.job,
    });
    this.standings.tell(hash, status);
    await this.look();
    return this.show(hash);
  }

  async list(): Promise<readonly JobSummary[]> {
    const summaries: JobSummary[] = [];
    for (const job of await this.options.store.jobs.list()) summaries.push(await this.summary(job));
    return summaries;
  }

  /** @throws {Refusal} `job.unknown`, `job.ambiguous` */
  async show(named: string): Promise<JobDetail> {
    const job = await this.kept.find(named);
    return detailOf(await this.summary(job), await this.kept.announced(job.job));
  }

  /** What was recorded of rounds, and is still kept. @param after - leaves out this attempt and what came before it */
  async rounds(named: string, after?: AttemptAt): Promise<readonly RoundRecord[]> {
    const { job } = await this.kept.find(named);
    return this.options.store.rounds.of(job, after);
  }

  /** @throws {Refusal} `job.no-model` where the job has not begun, and what {@link requireStanding} refuses */
  async result(named: string): Promise<JobResult> {
    const found = await this.kept.find(named);
    const { job, name, status } = found;
    await requireStanding(this.options, found);
    const state = await this.options.store.jobs.state(job);
    if (state === undefined) {
      throw new Refusal('job.no-model', `The job ${name} has not begun.`, 'Wait until it has made a round.');
    }
    const announced = await this.kept.announced(job);
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
    const { job } = await this.kept.find(named);
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
    const found = await this.kept.find(named);
    const { job, name } = found;
    if (found.status === 'stopped' || found.status === 'finished') {
      throw new Refusal('job.ended', `The job ${name} is ${found.status}.`, 'Submit another job.');
    }
    await audit.record(by.name, action, job);
    await store.jobs.setStatus(job, status);
    this.standings.of(job).reason = null;
    this.standings.tell(job, status);
    if (status === 'running') await this.look();
    else this.runs.end(job);
    if (status === 'stopped' && !this.runs.has(job)) await this.takeUp(job);
    return this.summary({ ...found, status });
  }

  /** Ends what shall not run any more, takes up what nobody runs. */
  private async look(): Promise<void> {
    const { sessions } = this.options;
    await this.address.look();
    if (!this.serves) {
      this.runs.endAll();
      this.serving = [];
      // They find one that serves by dialling again.
      sessions.disconnectAll();
      return;
    }
    await this.lookAround();
    const due = await this.due();
    // What is more than a share is left to the others.
    const share = shareOf(due.length, this.serving, this.options.owner);
    this.runs.endAllBut(share);
    for (const job of due) {
      if (this.closing.signal.aborted) return;
      if (!this.runs.has(job) && this.runs.size < share) await this.takeUp(job);
    }
  }

  /** Who else serves, and whom another has shut out. */
  private async lookAround(): Promise<void> {
    const { store, sessions } = this.options;
    const before = this.addresses.join(' ');
    this.serving = await this.address.all();
    if (this.addresses.join(' ') !== before && before !== '') sessions.tellCoordinators(this.addresses);
    if (this.serving.length > 1)
      for (const client of await store.clients.shutOut()) sessions.disconnect(client);
  }

  /** Jobs that are to be run by somebody. Those that run here and are not to be are ended. */
  private async due(): Promise<readonly string[]> {
    const due: string[] = [];
    for (const { job, status } of await this.options.store.jobs.list()) {
      const runs = this.runs.has(job);
      if (runs && status !== 'running') this.runs.end(job);
      if (runs || status === 'running' || (status === 'stopped' && (await this.isOpen(job)))) due.push(job);
    }
    return due;
  }

  private async takeUp(job: string): Promise<void> {
    if (this.serves) await this.runs.takeUp(job);
  }

  private async isOpen(job: string): Promise<boolean> {
    const { ledger } = this.options;
    if (!ledger.jobs.has(job)) await ledger.refresh();
    return ledger.jobs.has(job) && ledger.stateOf(job).isOpen;
  }

  /** A job as the clients know it. */
  announced(job: string): Promise<Announcement> {
    return this.kept.announced(job);
  }

  /** A job that trains a model. @throws {Refusal} `job.kind` where it does something else */
  training(job: string): Promise<AnnouncedJob> {
    return this.kept.training(job);
  }

  private async summary(job: SubmittedJob): Promise<JobSummary> {
    const { store } = this.options;
    const standing = this.standings.of(job.job);
    const [announced, state, owner] = await Promise.all([
      this.kept.announced(job.job),
      store.jobs.state(job.job),
      store.leases.holder(job.job),
    ]);
    const isElsewhere = owner !== undefined && owner !== this.options.owner;
    // Rounds of other processes are not heard of here.
    const latest = this.runs.has(job.job) ? standing.latest : undefined;
    const record = latest ?? (await store.rounds.of(job.job)).at(-1);
    if (record !== undefined) standing.latest = record;
    if (isElsewhere) standing.reason = null;
    const coordinator = this.serving.find((serving) => serving.owner === owner)?.address;
    return summaryOf({ job, announced, state, owner, coordinator, standing });
  }
}
