import { Refusal } from '@tutti/shared/errors';
import type { Store } from '../store/store.js';
import type { Lease } from '../store/tables/leases.js';

/** Renewals within the duration: all of them must fail before the lease is lost. */
const RENEWALS = 3;

export interface Tenancy {
  readonly store: Store;
  readonly job: string;
  /** A name that no other process has, nor this one after a restart. */
  readonly owner: string;
  /** Milliseconds for which a lease holds unless it is renewed: an owner that died is succeeded that much later. */
  readonly duration: number;
}

/** A job that this process runs, for as long as it renews its lease in time. */
export class HeldLease {
  /** The store for this job alone: it refuses every write once another owner has taken the job over. */
  readonly store: Store;
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private renewing: Promise<void> = Promise.resolve();
  private isReleased = false;
  private renewed = performance.now();

  private constructor(
    private readonly lease: Lease,
    private readonly everybodys: Store,
    private readonly duration: number,
  ) {
    this.store = everybodys.fenced(lease);
    this.renewLater();
  }

  /** @returns undefined where another process runs the job */
  static async acquire({ store, job, owner, duration }: Tenancy): Promise<HeldLease | undefined> {
    const lease = await store.leases.acquire(job, owner, duration);
    return lease && new HeldLease(lease, store, duration);
  }

  /** Aborted when the lease is lost: nothing of this job is to be done any more. */
  get lost(): AbortSignal {
    return this.ended.signal;
  }

  /** Gives the job up, so that another process can have it at once. */
  async release(): Promise<void> {
    this.isReleased = true;
    clearTimeout(this.timer);
    await this.renewing;
    // Where the store cannot be reached, the lease ends by itself.
    await this.everybodys.leases.release(this.lease).catch(() => undefined);
  }

  private renewLater(): void {
    if (this.isReleased) return;
    this.timer = setTimeout(() => {
      this.renewing = this.renew();
    }, this.duration / RENEWALS);
    this.timer.unref();
  }

  private async renew(): Promise<void> {
    const asked = performance.now();
    const holds = await this.everybodys.leases.renew(this.lease, this.duration).catch(() => undefined);
    if (holds === true) this.renewed = asked;
    // While the store is away nobody else can take over either, but nothing may be done on the strength of a lease that has run out.
    if (holds === false || performance.now() - this.renewed > this.duration) {
      this.ended.abort(
        new Refusal(
          'lease.lost',
          'The lease of this job could not be renewed in time.',
          'Whoever holds it next goes on from the last record.',
        ),
      );
    } else if (!this.ended.signal.aborted) this.renewLater();
  }
}

/** Does what one process is to do at a time, unless another does it just now. */
export async function underLease(tenancy: Tenancy, action: () => Promise<unknown>): Promise<void> {
  const held = await HeldLease.acquire(tenancy);
  if (held === undefined) return;
  try {
    await action();
  } finally {
    await held.release();
  }
}
