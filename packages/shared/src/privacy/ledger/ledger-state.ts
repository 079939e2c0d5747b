import { Refusal } from '../../errors.js';
import { RdpAccountant, type PrivacyEvent } from '../accounting/index.js';
import type { JobOpened, LedgerEntry, RoundDebited } from './events.js';

/** ε at the job's δ. */
export interface SpentPrivacy {
  /** Against somebody who sees the released models only. */
  readonly releasedModel: number;
  /** Against the coordinator, for the client that was charged most. */
  readonly coordinator: number;
  /** The same for the median client. */
  readonly coordinatorMedian: number;
  /** Rounds for which the most charged client was charged. */
  readonly mostParticipations: number;
}

/** What one debit costs someone who sees the released models only: its sampling amplifies. */
export function releasedModelEvent({ release, sampling }: Pick<RoundDebited, 'release' | 'sampling'>): PrivacyEvent {
  return sampling.kind === 'poisson' ? { kind: 'poisson-sampled', rate: sampling.rate, event: release } : release;
}

/**
 * What the entries of one job's ledger come to. Debits count from the moment they are written, whatever becomes of their round;
 * ε is recomputed from the events, never read.
 */
export class LedgerState {
  private opened: JobOpened | undefined;
  private readonly released = new RdpAccountant();
  private readonly clients = new Map<string, RdpAccountant>();
  private readonly participations = new Map<string, number>();
  private pending: RoundDebited | undefined;
  private closed = false;

  constructor(readonly job: string) {}

  /** Takes in the next entry; entries of other jobs leave the state as it is. */
  apply(entry: LedgerEntry): this {
    if (entry.job !== this.job) return this;
    const { event } = entry;
    switch (event.kind) {
      case 'job-opened':
        if (this.opened !== undefined) throw inconsistent('a job is opened twice');
        this.opened = event;
        break;
      case 'round-debited':
        if (this.opened === undefined || this.closed) throw inconsistent('a debit for a job that is not open');
        if (this.pending !== undefined) throw inconsistent('a debit while another attempt is undecided');
        this.debit(event);
        this.pending = event;
        break;
      case 'round-completed':
        if (!sameAttempt(this.pending, event)) throw inconsistent('a round completed without its debit');
        this.pending = undefined;
        break;
      case 'round-aborted':
        if (event.charged !== sameAttempt(this.pending, event)) {
          throw inconsistent('an abort that misstates whether it was charged');
        }
        this.pending = undefined;
        break;
      case 'job-closed':
        this.closed = true;
        break;
    }
    return this;
  }

  /** A debit whose attempt has neither completed nor been aborted: after a restart, its coordinator died in between. */
  get undecided(): RoundDebited | undefined {
    return this.pending;
  }

  get isOpen(): boolean {
    return this.opened !== undefined && !this.closed;
  }

  spent(): SpentPrivacy {
    const { delta, population } = this.require();
    const byClient = [...this.clients.values()].map((accountant) => accountant.epsilon(delta).epsilon).sort((a, b) => a - b);
    // Clients that were never charged have spent nothing, and count for the median.
    const uncharged = Math.max(0, population - byClient.length);
    const middle = Math.floor((population - 1) / 2);
    return {
      releasedModel: this.released.curve().every((rdp) => rdp === 0) ? 0 : this.released.epsilon(delta).epsilon,
      coordinator: byClient.at(-1) ?? 0,
      coordinatorMedian: middle < uncharged ? 0 : (byClient[middle - uncharged] ?? 0),
      mostParticipations: Math.max(0, ...this.participations.values()),
    };
  }

  /** Whether one more debit keeps ε against the released model within the job's budget. */
  affords(next: Pick<RoundDebited, 'release' | 'sampling'>): boolean {
    const { delta, epsilonBudget } = this.require();
    const trial = new RdpAccountant().absorb(this.released).compose(releasedModelEvent(next));
    return trial.epsilon(delta).epsilon <= epsilonBudget;
  }

  private debit(debit: RoundDebited): void {
    this.released.compose(releasedModelEvent(debit));
    for (const client of debit.participants) {
      let accountant = this.clients.get(client);
      if (accountant === undefined) {
        accountant = new RdpAccountant();
        this.clients.set(client, accountant);
      }
      accountant.compose(debit.release);
      this.participations.set(client, (this.participations.get(client) ?? 0) + 1);
    }
  }

  private require(): JobOpened {
    if (this.opened === undefined) throw inconsistent('a job that was never opened');
    return this.opened;
  }
}

function sameAttempt(debit: RoundDebited | undefined, { round, attempt }: { round: number; attempt: number }): boolean {
  return debit !== undefined && debit.round === round && debit.attempt === attempt;
}

function inconsistent(what: string): Refusal {
  return new Refusal(
    'ledger.inconsistent',
    `The ledger tells of ${what}.`,
    'Verify the ledger and restore it from a backup; never start a job on a ledger that does not hold.',
  );
}
