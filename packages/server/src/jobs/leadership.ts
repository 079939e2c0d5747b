import { HeldLease, type Tenancy } from './held-lease.js';

/** Under this name the right to serve lies among the leases of jobs: no job is named so, for theirs are hashes. */
const SERVING = 'serving';

/**
 * Which of several coordinators on one store serves: lets clients in and runs jobs. The others stand by, and one of them takes over when the lease of
 * the one that serves runs out. Clients are connected to one coordinator at a time, so that the jobs have to be where they are.
 */
export class Leadership {
  private held: HeldLease | undefined;

  constructor(private readonly tenancy: Omit<Tenancy, 'job'>) {}

  get serves(): boolean {
    return this.held?.lost.aborted === false;
  }

  /** Takes the right to serve, where nobody has it. */
  async look(): Promise<void> {
    if (!this.serves) this.held = await HeldLease.acquire({ ...this.tenancy, job: SERVING });
  }

  /** Gives the right to serve up, so that another can take it at once. */
  async release(): Promise<void> {
    const { held } = this;
    this.held = undefined;
    await held?.release();
  }
}
