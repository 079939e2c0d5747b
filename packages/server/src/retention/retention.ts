import { statesOf, type AnnouncedJob } from '@tutti/shared/protocol';
import { familyOf, type ErasureRequest } from '@tutti/shared/rights';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { ArtifactFiles, Store } from '../store/index.js';

const DAY = 86_400_000;

/** For how many days what is kept; left out, for ever. */
export interface RetentionPeriods {
  /** Models that later rounds have replaced, and what the optimiser remembered. */
  readonly checkpoints?: number | undefined;
  /** Entries of the audit log. */
  readonly logs?: number | undefined;
}

export interface RetentionOptions {
  readonly periods: RetentionPeriods;
  readonly store: Store;
  readonly artifacts: Pick<ArtifactFiles, 'has'>;
  /** Deletes an artifact, wherever copies of it are kept. */
  readonly discard: (hash: string) => Promise<void>;
  readonly ledger: KeptLedger;
  readonly audit: AuditLog;
  /** What of a job says which artifacts it needs. */
  readonly announced: (job: string) => Promise<
    Partial<Pick<AnnouncedJob, 'model' | 'data' | 'startFrom'>> & {
      /** SHA-256 of the weights that it evaluates. */
      readonly evaluated?: string;
    }
  >;
  /** All requests for erasure. */
  readonly requests: () => Promise<readonly Pick<ErasureRequest, 'job' | 'state'>[]>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/**
 * Deletes what was kept long enough (Article 5(1)(e) GDPR). Never: the privacy ledger, the records of rounds, the log of requests for erasure, the
 * model that a job stands at and what it needs to go on, and the checkpoints of a job about which a request for erasure is open, since an
 * exact remedy goes back to one of them. What a job is still to begin from stays too.
 */
export class Retention {
  constructor(private readonly options: RetentionOptions) {}

  /** @returns how many files and entries of the audit log were deleted */
  async enforce(): Promise<{ readonly checkpoints: number; readonly logs: number }> {
    return { checkpoints: await this.deleteCheckpoints(), logs: await this.deleteLogs() };
  }

  private async deleteCheckpoints(): Promise<number> {
    const { periods, artifacts, discard, audit, now } = this.options;
    if (periods.checkpoints === undefined) return 0;
    const before = now() - periods.checkpoints * DAY;
    const { old, needed } = await this.sorted(before);
    let deleted = 0;
    for (const [job, hashes] of old) {
      const there: string[] = [];
      for (const hash of hashes) if (!needed.has(hash) && (await artifacts.has(hash))) there.push(hash);
      if (there.length === 0) continue;
      const detail = { files: there.length, before: new Date(before).toISOString() };
      await audit.record('retention', 'retention.checkpoints', job, detail);
      for (const hash of there) await discard(hash);
      deleted += there.length;
    }
    return deleted;
  }

  /** Checkpoints of rounds that ended before a time, by job; and whatever somebody still needs. */
  private async sorted(before: number) {
    const { store, ledger } = this.options;
    await ledger.refresh();
    const held = await this.heldJobs();
    const old = new Map<string, readonly string[]>();
    const needed = new Set<string>();
    for (const { job, status } of await store.jobs.list()) {
      needed.add(job);
      const { model, data, evaluated } = await this.options.announced(job);
      if (model?.sha256 !== undefined) needed.add(model.sha256);
      const isOver = status === 'finished' || status === 'stopped';
      if (evaluated !== undefined && !isOver) needed.add(evaluated);
      if (data?.standardise !== undefined) needed.add(data.standardise.statistics);
      const state = await store.jobs.state(job);
      if (state !== undefined) needed.add(state.model).add(state.task);
      else await this.needBeginning(job, needed);
      const ended = this.endsOf(job);
      const gone: string[] = [];
      for (const record of await store.rounds.of(job)) {
        const hashes = statesOf(record);
        const isOld = (ended.get(record.round) ?? Infinity) < before && !held.has(job);
        if (isOld) gone.push(...hashes);
        else for (const hash of hashes) needed.add(hash);
      }
      old.set(job, [...new Set(gone)]);
    }
    return { old, needed };
  }

  private async needBeginning(job: string, needed: Set<string>): Promise<void> {
    const { startFrom } = await this.options.announced(job);
    if (startFrom !== undefined) needed.add(startFrom.model).add(startFrom.optimiser);
  }

  /** Jobs of families about which a request for erasure is open. */
  private async heldJobs(): Promise<ReadonlySet<string>> {
    const { ledger, requests } = this.options;
    const open = (await requests()).filter(({ state }) => state !== 'closed');
    return new Set(open.flatMap(({ job }) => (job === undefined ? [] : [...familyOf(ledger.all, job)])));
  }

  /** When each round of a job was completed, by the ledger. */
  private endsOf(job: string): ReadonlyMap<number, number> {
    return new Map(
      this.options.ledger
        .of(job)
        .flatMap(({ time, event }) =>
          event.kind === 'round-completed' ? [[event.round, Date.parse(time)] as const] : [],
        ),
    );
  }

  private async deleteLogs(): Promise<number> {
    const { periods, store, audit, now } = this.options;
    if (periods.logs === undefined) return 0;
    const before = now() - periods.logs * DAY;
    const [oldest] = await store.audit.list(1);
    if (oldest === undefined || oldest.time >= before) return 0;
    await audit.record('retention', 'retention.logs', 'audit', { before: new Date(before).toISOString() });
    return store.audit.removeBefore(before);
  }
}
