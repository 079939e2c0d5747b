import { HeldLease, type Tenancy } from './held-lease.js';

/** Under this name the right to serve lies among the leases of jobs: no job is named so, for theirs are hashes. */
const SERVING = 'serving';

/**
 * Which of several coordinators on one store serves: lets clients in and runs jobs. The others stand by, and one of them takes over when the lease of
 * the one that serves runs out. Clients are connected to one coordinator at a time, so that the jobs have to be where they are.
 */
export class Leadership {
  private held: HeldLease | undefined;
  private waiting: (() => void)[] = [];

  constructor(private readonly tenancy: Omit<Tenancy, 'job'>) {}

  get serves(): boolean {
    return this.held?.lost.aborted === false;
  }

  /** Takes the right to serve, where nobody has it. */
  async look(): Promise<void> {
    if (!this.serves) this.held = await HeldLease.acquire({ ...this.tenancy, job: SERVING });
    if (this.serves) this.tellWaiting();
  }

  /**
   * Whether this process serves, or is about to: where the one that serves is overdue, the answer waits until its lease has run out and somebody has
   * taken its place. A client that dials meanwhile need not be sent away, to try again later and later.
   */
  async servesSoon(): Promise<boolean> {
    const { store, duration } = this.tenancy;
    if (this.serves) return true;
    const left = await store.leases.remaining(SERVING).catch(() => duration);
    // One that is well renews when a third of its lease is gone.
    if (left > duration / 2) return false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, duration);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.serves;
  }

  /** Gives the right to serve up, so that another can take it at once. */
  async release(): Promise<void> {
    const { held } = this;
    this.held = undefined;
    this.tellWaiting();
    await held?.release();
  }

  private tellWaiting(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}
