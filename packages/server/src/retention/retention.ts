import { statesOf, type AnnouncedJob, type RoundRecord } from '@tutti/shared/protocol';
import { familyOf, type ErasureRequest, type RetentionPeriods } from '@tutti/shared/rights';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { ArtifactFiles, AttemptAt, Store } from '../store/index.js';

const DAY = 86_400_000;

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

/** How much was deleted: files of checkpoints, records, invitations, entries. */
export type Deleted = { readonly [Kind in keyof RetentionPeriods]-?: number };

/**
 * Deletes what was kept long enough (Article 5(1)(e) GDPR). Never: the privacy ledger, the log of requests for erasure, the
 * model that a job stands at and what it needs to go on, and the checkpoints of a job about which a request for erasure is open, since an
 * exact remedy goes back to one of them; nor their records. What a job is still to begin from stays too.
 */
export class Retention {
  constructor(private readonly options: RetentionOptions) {}

  async enforce(): Promise<Deleted> {
    return {
      checkpoints: await this.deleteCheckpoints(),
      rounds: await this.deleteRounds(),
      invitations: await this.deleteInvitations(),
      logs: await this.deleteLogs(),
    };
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
        const isOld = (ended.get(placeOf(record)) ?? Infinity) < before && !held.has(job);
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

  /** When each attempt of a job ended, by the ledger. */
  private endsOf(job: string): ReadonlyMap<string, number> {
    return new Map(
      this.options.ledger
        .of(job)
        .flatMap(({ time, event }) =>
          event.kind === 'round-completed' || event.kind === 'round-aborted'
            ? [[placeOf(event), Date.parse(time)] as const]
            : [],
        ),
    );
  }

  /** A record says which files are its checkpoint, so that it stays for as long as they do. */
  private async deleteRounds(): Promise<number> {
    const { periods, store, ledger, audit, now } = this.options;
    if (periods.rounds === undefined) return 0;
    const before = now() - periods.rounds * DAY;
    await ledger.refresh();
    let deleted = 0;
    for (const { job } of await store.jobs.list()) {
      const ended = this.endsOf(job);
      const old: RoundRecord[] = [];
      for (const record of await store.rounds.of(job)) {
        const isOver = (ended.get(placeOf(record)) ?? Infinity) < before;
        if (isOver && !(await this.isNeeded(record))) old.push(record);
      }
      if (old.length === 0) continue;
      const detail = { records: old.length, before: new Date(before).toISOString() };
      await audit.record('retention', 'retention.rounds', job, detail);
      await store.rounds.remove(job, old);
      deleted += old.length;
    }
    return deleted;
  }

  /** An attempt that was aborted left the state of the round before it, whose own record names that. */
  private async isNeeded(record: RoundRecord): Promise<boolean> {
    if (record.outcome === 'aborted') return false;
    for (const hash of statesOf(record)) if (await this.options.artifacts.has(hash)) return true;
    return false;
  }

  private async deleteInvitations(): Promise<number> {
    const { periods, store, audit, now } = this.options;
    if (periods.invitations === undefined) return 0;
    const before = now() - periods.invitations * DAY;
    const old = (await store.enrolmentTokens.list()).filter(({ expiresAt }) => expiresAt < before);
    if (old.length === 0) return 0;
    const detail = { invitations: old.length, before: new Date(before).toISOString() };
    await audit.record('retention', 'retention.invitations', 'invitations', detail);
    for (const { hash } of old) await store.enrolmentTokens.remove(hash);
    return old.length;
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

function placeOf({ round, attempt }: AttemptAt): string {
  return `${round}.${attempt}`;
}
