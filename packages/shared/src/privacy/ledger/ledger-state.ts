import { Refusal } from '../../errors.js';
import type { PrivacyEvent } from '../accounting/index.js';
import { Account } from './account.js';
import type { CanariesCommitted, JobOpened, LedgerEntry, RoundDebited } from './events.js';

/** ε at the job's δ. */
export interface SpentPrivacy {
  /** Against somebody who sees the released models only. */
  readonly releasedModel: number;
  /** Against the coordinator, for the client that was charged most. */
  readonly coordinator: number;
  /** The same for the median client: half of the population has spent no more. */
  readonly coordinatorMedian: number;
  /** Rounds for which the most charged client was charged. */
  readonly mostParticipations: number;
}

/** The part of a debit that says what it costs. */
export type Cost = Pick<RoundDebited, 'release' | 'sampling' | 'noiseDistance'>;

/** What one debit costs someone who sees the released models only: its sampling amplifies. */
export function releasedModelEvent({
  release,
  sampling,
}: Pick<RoundDebited, 'release' | 'sampling'>): PrivacyEvent {
  return sampling.kind === 'poisson'
    ? { kind: 'poisson-sampled', rate: sampling.rate, event: release }
    : release;
}

interface ClientRecord {
  readonly account: Account;
  /** Computed when asked for, forgotten at the next charge. */
  epsilon: number | undefined;
}

/**
 * What the entries of one job's ledger come to; ε is recomputed from the events, never read.
 *
 * A debit is a reservation that counts from the moment it is written. Completing its round commits it; aborting the round leaves it
 * charged, for ever: whether anybody saw the sum cannot be known. An attempt that ends before its debit costs nothing.
 */
export class LedgerState {
  private opened: JobOpened | undefined;
  private readonly released = new Account();
  private readonly clients = new Map<string, ClientRecord>();
  private pending: RoundDebited | undefined;
  private committed: CanariesCommitted | undefined;
  private closed = false;

  constructor(readonly job: string) {}

  /**
   * Takes in the next entry; entries of other jobs leave the state as it is.
   * @throws {Refusal} `ledger.inconsistent` where the entry cannot follow the ones before
   */
  apply(entry: LedgerEntry): this {
    if (entry.job !== this.job) return this;
    const { event } = entry;
    if (event.kind === 'job-opened') {
      if (this.opened !== undefined) throw inconsistent('a job is opened twice');
      this.opened = event;
      return this;
    }
    if (this.opened === undefined || (this.closed && event.kind !== 'erasure'))
      throw inconsistent(`${event.kind} in a job that is not open`);
    switch (event.kind) {
      case 'canaries-committed':
        if (!this.awaitsCanaries)
          throw inconsistent('canaries that are committed to twice, or after a round');
        this.committed = event;
        break;
      case 'round-debited':
        if (this.pending !== undefined) throw inconsistent('a debit while another attempt is undecided');
        this.debit(event);
        this.pending = event;
        break;
      case 'round-completed':
        if (!sameAttempt(this.pending, event)) throw inconsistent('a round completed without its debit');
        this.pending = undefined;
        break;
      case 'round-aborted':
        if (event.charged ? !sameAttempt(this.pending, event) : this.pending !== undefined) {
          throw inconsistent('an abort that misstates whether it was charged');
        }
        this.pending = undefined;
        break;
      case 'job-closed':
        this.closed = true;
        break;
      case 'erasure':
        if (this.pending !== undefined) throw inconsistent('an erasure while an attempt is undecided');
        // Nothing is refunded: the accounts stay, and what is replayed is added to them.
        if (event.replay !== undefined) {
          this.opened = { ...this.opened, epsilonBudget: event.replay.epsilonBudget };
          this.closed = false;
        }
        break;
    }
    return this;
  }

  /** A debit whose attempt has neither completed nor been aborted: after a restart, its coordinator died in between. */
  get undecided(): RoundDebited | undefined {
    return this.pending;
  }

  /** What the operator has committed to of its canaries among the clients, if there are any. */
  get canaries(): CanariesCommitted | undefined {
    return this.committed;
  }

  /** Whether canaries can still be committed to: before anything is charged, and once. */
  get awaitsCanaries(): boolean {
    return this.isOpen && this.released.count === 0 && this.committed === undefined;
  }

  get isOpen(): boolean {
    return this.opened !== undefined && !this.closed;
  }

  /** What was agreed when the job was opened. */
  get terms(): JobOpened {
    if (this.opened === undefined) throw inconsistent('a job that was never opened');
    return this.opened;
  }

  spent(): SpentPrivacy {
    const { delta, population } = this.terms;
    const byClient = [...this.clients.values()]
      .map((record) => epsilonOf(record, delta))
      .sort((a, b) => a - b);
    let mostParticipations = 0;
    for (const { account } of this.clients.values())
      mostParticipations = Math.max(mostParticipations, account.count);
    return {
      releasedModel: this.released.epsilon(delta),
      coordinator: byClient.at(-1) ?? 0,
      coordinatorMedian: medianSpent(byClient, population),
      mostParticipations,
    };
  }

  /** Clients that have been charged for so many rounds, or more. */
  chargedAtLeast(rounds: number): ReadonlySet<string> {
    return new Set(
      [...this.clients].filter(([, { account }]) => account.count >= rounds).map(([client]) => client),
    );
  }

  /** ε of one client against the coordinator, at the job's δ. */
  spentBy(client: string): number {
    const record = this.clients.get(client);
    return record === undefined ? 0 : epsilonOf(record, this.terms.delta);
  }

  /** What the released models have cost, to be read at any δ. */
  get releasedAccount(): Account {
    return this.released;
  }

  /** What the most charged client has spent, to be read at any δ. Undefined before the first debit. */
  get worstAccount(): Account | undefined {
    const { delta } = this.terms;
    let worst: ClientRecord | undefined;
    for (const record of this.clients.values()) {
      if (worst === undefined || epsilonOf(record, delta) > epsilonOf(worst, delta)) worst = record;
    }
    return worst?.account;
  }

  /** Whether one more debit keeps ε against the released model within the job's budget. */
  affords({ noiseDistance, ...next }: Cost): boolean {
    const { delta, epsilonBudget } = this.terms;
    return this.released.after(releasedModelEvent(next), noiseDistance).epsilon(delta) <= epsilonBudget;
  }

  /** Whether one more debit keeps a client within the job's cap against the coordinator. True where the job has none. */
  clientAffords(client: string, { release, noiseDistance }: Omit<Cost, 'sampling'>): boolean {
    const { delta, clientEpsilonCap } = this.terms;
    if (clientEpsilonCap === undefined) return true;
    const account = this.clients.get(client)?.account ?? new Account();
    return account.after(release, noiseDistance).epsilon(delta) <= clientEpsilonCap;
  }

  private debit(debit: RoundDebited): void {
    this.released.charge(releasedModelEvent(debit), debit.noiseDistance);
    for (const client of new Set(debit.participants)) {
      const record = this.clients.get(client) ?? { account: new Account(), epsilon: undefined };
      record.account.charge(debit.release, debit.noiseDistance);
      record.epsilon = undefined;
      this.clients.set(client, record);
    }
  }
}

/**
 * ε that half of a population has not exceeded. Clients that were never charged have spent nothing, and count.
 * @param charged - ε of those that were, ascending
 */
export function medianSpent(charged: readonly number[], population: number): number {
  const uncharged = Math.max(0, population - charged.length);
  const middle = Math.floor((population - 1) / 2);
  return middle < uncharged ? 0 : (charged[middle - uncharged] ?? 0);
}

function epsilonOf(record: ClientRecord, delta: number): number {
  return (record.epsilon ??= record.account.epsilon(delta));
}

function sameAttempt(
  debit: RoundDebited | undefined,
  { round, attempt }: { round: number; attempt: number },
): boolean {
  return debit !== undefined && debit.round === round && debit.attempt === attempt;
}

function inconsistent(what: string): Refusal {
  return new Refusal(
    'ledger.inconsistent',
    `The ledger tells of ${what}.`,
    'Verify the ledger and restore it from a backup; never start a job on a ledger that does not hold.',
  );
}
