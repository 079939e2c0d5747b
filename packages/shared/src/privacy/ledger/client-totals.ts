import type { PrivacyEvent, PrivacyUnit } from '../accounting/index.js';
import { Account } from './account.js';
import type { LedgerEntry } from './events.js';

/** The most that may be spent on one client over all jobs, against the coordinator. */
export interface ClientCap {
  readonly epsilon: number;
  /** At which ε is counted over all jobs, whatever δ each job has of its own. */
  readonly delta: number;
}

/**
 * What every client has spent against the coordinator over all jobs of a ledger: the releases of the rounds that it was charged for, without sampling,
 * composed. Jobs that protect each example are counted apart: what they spend says nothing of a client as a whole, nor the other way round.
 */
export class ClientTotals {
  private readonly units = new Map<string, PrivacyUnit>();
  private readonly accounts: Readonly<Record<PrivacyUnit, Map<string, Account>>> = {
    client: new Map(),
    example: new Map(),
  };

  /** Takes in the next entry, of whatever job. */
  apply({ job, event }: LedgerEntry): this {
    if (event.kind === 'job-opened') this.units.set(job, event.unit ?? 'client');
    if (event.kind !== 'round-debited') return this;
    const accounts = this.accounts[this.units.get(job) ?? 'client'];
    for (const client of new Set(event.participants)) {
      const account = accounts.get(client) ?? new Account();
      accounts.set(client, account.charge(event.release, event.noiseDistance));
    }
    return this;
  }

  /** ε of one client over all jobs that protect this unit, at `delta`. */
  spentBy(client: string, delta: number, unit: PrivacyUnit = 'client'): number {
    return this.accounts[unit].get(client)?.epsilon(delta) ?? 0;
  }

  /** Clients whom one more release of a job that protects this unit would bring above the cap. */
  exhausted(
    { epsilon, delta }: ClientCap,
    { release, noiseDistance, unit }: NextRelease,
  ): ReadonlySet<string> {
    const spent = new Set<string>();
    for (const [client, account] of this.accounts[unit])
      if (account.after(release, noiseDistance).epsilon(delta) > epsilon) spent.add(client);
    return spent;
  }

  /** Whether somebody who has spent nothing yet may take part in it. */
  static affords({ epsilon, delta }: ClientCap, { release, noiseDistance }: NextRelease): boolean {
    return new Account().charge(release, noiseDistance).epsilon(delta) <= epsilon;
  }
}

/** What a round would release next. */
export interface NextRelease {
  readonly release: PrivacyEvent;
  readonly noiseDistance?: number | undefined;
  readonly unit: PrivacyUnit;
}
