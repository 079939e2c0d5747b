import { Refusal } from '../../errors.js';
import type { PrivacyEvent } from '../accounting/index.js';
import { epsilonFigure } from '../shown-figures.js';
import { Account } from './account.js';
import type { LedgerEntry } from './events.js';

/** The most that one client may spend over all jobs, against the coordinator. */
export interface ClientCap {
  readonly epsilon: number;
  /** At which ε is counted over all jobs, whatever δ each job has of its own. */
  readonly delta: number;
}

/**
 * What one client has spent against the coordinator, in each job and over all of them: the releases of the rounds that it was
 * charged for, without sampling, composed. Folded from a coordinator's ledger or from the client's own.
 */
export class ClientAccount {
  private readonly all = new Account();
  private readonly jobs = new Map<string, Account>();

  /** @param client - identity key, hex */
  constructor(
    readonly client: string,
    readonly cap: ClientCap,
  ) {}

  /** Takes in the next entry, of whatever job. */
  apply({ job, event }: LedgerEntry): this {
    if (event.kind !== 'round-debited' || !event.participants.includes(this.client)) return this;
    this.all.charge(event.release, event.noiseDistance);
    const account = this.jobs.get(job) ?? new Account();
    this.jobs.set(job, account.charge(event.release, event.noiseDistance));
    return this;
  }

  /** ε over all jobs at the cap's δ. */
  spent(): number {
    return this.all.epsilon(this.cap.delta);
  }

  /** ε on one job at the cap's δ. */
  spentOn(job: string): number {
    return this.jobs.get(job)?.epsilon(this.cap.delta) ?? 0;
  }

  /** Releases that the client was charged for, over all jobs. */
  get participations(): number {
    return this.all.count;
  }

  /** Whether one more release keeps the client within its cap. */
  affords(release: PrivacyEvent, noiseDistance = 0): boolean {
    return this.all.after(release, noiseDistance).epsilon(this.cap.delta) <= this.cap.epsilon;
  }

  /**
   * Checks that one more release keeps the client within its cap.
   * @throws {Refusal} `ledger.client-cap` where it does not
   */
  check(release: PrivacyEvent, noiseDistance = 0): void {
    const next = this.all.after(release, noiseDistance).epsilon(this.cap.delta);
    if (next <= this.cap.epsilon) return;
    throw new Refusal(
      'ledger.client-cap',
      `One more round would bring this client to ε = ${epsilonFigure(next)} over all jobs; its cap is ${this.cap.epsilon}.`,
      'Leave the client out of further cohorts, or have its owner raise the cap.',
    );
  }
}
