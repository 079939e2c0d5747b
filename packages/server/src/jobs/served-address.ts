import { HeldLease, type Tenancy } from './held-lease.js';

/** Under names that begin so the rights to serve lie among the leases of jobs: no job is named so, for theirs are hashes. */
const SERVING = 'serving ';

/** A coordinator that lets clients in and runs jobs. */
export interface ServingCoordinator {
  /** Where it is reached. */
  readonly address: string;
  /** The process. */
  readonly owner: string;
  /** Whether it has served for long enough that clients of the others have found it. */
  readonly isSettled: boolean;
}

/** Leases for which a newcomer takes no jobs from others. Clients that hear of it spread themselves over ten seconds. */
const SETTLING = 2;

/**
 * The right to serve at an address: to let clients in there and to run jobs. Coordinators on one store that have an address each serve at the same time,
 * and share the jobs. Of several that have one address (a name or a proxy for all), one serves: clients would find some of the jobs now and others then.
 * The others stand by, and one of them takes over when the lease of the one that serves runs out.
 */
export class ServedAddress {
  private held: HeldLease | undefined;
  private waiting: (() => void)[] = [];
  /** When each process that serves settles, in milliseconds of this one's clock. */
  private settling: ReadonlyMap<string, number> = new Map();

  constructor(
    private readonly tenancy: Omit<Tenancy, 'job'>,
    private readonly address: () => string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get isHeld(): boolean {
    return this.held?.lost.aborted === false;
  }

  /** Takes the right to serve, where nobody has it. */
  async look(): Promise<void> {
    if (!this.isHeld) this.held = await HeldLease.acquire({ ...this.tenancy, job: this.name });
    if (this.isHeld) this.tellWaiting();
  }

  /**
   * Whether this process serves, or is about to: where the one that serves is overdue, the answer waits until its lease has run out and somebody has
   * taken its place. A client that dials meanwhile need not be sent away, to try again later and later.
   */
  async isHeldSoon(): Promise<boolean> {
    const { store, duration } = this.tenancy;
    if (this.isHeld) return true;
    const left = await store.leases.remaining(this.name).catch(() => duration);
    // One that is well renews when a third of its lease is gone.
    if (left > duration / 2) return false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, duration);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.isHeld;
  }

  /** Everybody who serves now, this process among them. Whoever was there before it, or is alone, has settled. */
  async all(): Promise<readonly ServingCoordinator[]> {
    const { store, owner: own, duration } = this.tenancy;
    const held = await store.leases.heldUnder(SERVING);
    const now = this.now();
    const isFirstLook = !this.settling.has(own);
    const settlesAt = (owner: string) => {
      if (held.length === 1 || (isFirstLook && owner !== own)) return now;
      return this.settling.get(owner) ?? now + SETTLING * duration;
    };
    this.settling = new Map(held.map(({ owner }) => [owner, settlesAt(owner)]));
    return held.map(({ job, owner }) => ({
      address: job.slice(SERVING.length),
      owner,
      isSettled: (this.settling.get(owner) ?? 0) <= now,
    }));
  }

  /** Gives the right to serve up, so that another can take it at once. */
  async release(): Promise<void> {
    const { held } = this;
    this.held = undefined;
    this.tellWaiting();
    await held?.release();
  }

  private get name(): string {
    return SERVING + this.address();
  }

  private tellWaiting(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}
