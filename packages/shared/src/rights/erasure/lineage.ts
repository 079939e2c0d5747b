import {
  Account,
  releasedModelEvent,
  type Erasure,
  type LedgerEntry,
  type RoundDebited,
} from '../../privacy/index.js';

/** Debits of the rounds that the current model stands on: without those that were gone back behind. */
export function standingDebits(entries: readonly LedgerEntry[]): readonly RoundDebited[] {
  return entries.reduce<RoundDebited[]>((standing, { event }) => {
    if (event.kind === 'round-debited') return [...standing, event];
    if (event.kind !== 'erasure' || event.replay === undefined || event.remedy !== 'exact') return standing;
    const { rounds } = event.replay;
    return standing.filter(({ round }) => round <= rounds);
  }, []);
}

/** A round that a job's model stands on: of the job itself, or of one that it went on from. */
export interface StandingRound {
  /** SHA-256 of the job as announced. */
  readonly job: string;
  readonly round: number;
  /** Everybody who may have sent an input. */
  readonly participants: readonly string[];
}

/** How a job went on from another one, whose later rounds it replaces. */
export interface Succession {
  /** The job that was gone on from. */
  readonly job: string;
  /** Its rounds that stand. */
  readonly rounds: number;
  /** SHA-256 of the model after them. */
  readonly model: string;
}

/**
 * What a job went on from, where an exact erasure in another one brought it about.
 * @param entries - the whole ledger
 */
export function successionOf(entries: readonly LedgerEntry[], job: string): Succession | undefined {
  for (const { job: from, event } of entries) {
    if (event.kind !== 'erasure' || event.successor?.job !== job) continue;
    const { rounds, model } = event.successor;
    return { job: from, rounds, model };
  }
  return undefined;
}

/** The job that took the place of another one in an exact erasure, if one has. @param entries - the whole ledger */
export function successorOf(entries: readonly LedgerEntry[], job: string): Erasure['successor'] {
  return entries
    .flatMap((entry) => (entry.job === job && entry.event.kind === 'erasure' ? [entry.event.successor] : []))
    .findLast((successor) => successor !== undefined);
}

/** Every round that the current model of a job stands on, first to last. @param entries - the whole ledger */
export function lineageOf(entries: readonly LedgerEntry[], job: string): readonly StandingRound[] {
  const succession = successionOf(entries, job);
  const before = succession === undefined ? [] : lineageOf(entries, succession.job);
  const kept = before.filter((stood) => stood.job !== succession?.job || stood.round <= succession.rounds);
  const own = standingDebits(entries.filter((entry) => entry.job === job));
  return [...kept, ...own.map(({ round, participants }) => ({ job, round, participants }))];
}

/**
 * What the models of a job and of all jobs that it went on from have cost together, to be read at any δ: rounds that do not stand any more
 * too, since nothing is refunded.
 * @param entries - the whole ledger
 */
export function familyAccount(entries: readonly LedgerEntry[], job: string): Account {
  const account = new Account();
  for (let member: string | undefined = job; member !== undefined;) {
    for (const { job: of, event } of entries) {
      if (of === member && event.kind === 'round-debited')
        account.charge(releasedModelEvent(event), event.noiseDistance);
    }
    member = successionOf(entries, member)?.job;
  }
  return account;
}
