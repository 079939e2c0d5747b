import { Account, releasedModelEvent, type LedgerEntry, type RoundDebited } from '../../privacy/index.js';

/** Debits of the rounds that the current model stands on: without those that were gone back behind. */
export function standingDebits(entries: readonly LedgerEntry[]): readonly RoundDebited[] {
  let standing: RoundDebited[] = [];
  for (const { event } of entries) {
    if (event.kind === 'round-debited') standing.push(event);
    if (event.kind !== 'erasure' || event.replay === undefined || event.remedy !== 'exact') continue;
    const { rounds } = event.replay;
    standing = standing.filter(({ round }) => round <= rounds);
  }
  return standing;
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

/** All jobs that go back to one beginning: a job, those that went on from it, and those that went on from these. */
export function familyOf(entries: readonly LedgerEntry[], job: string): ReadonlySet<string> {
  // They alone say what went on from what, and there are few: ledgers are long, and clients that withdraw have them looked through.
  const erasures = entries.filter(({ event }) => event.kind === 'erasure');
  const root = rootOf(erasures, job);
  const jobs = new Set(entries.map((entry) => entry.job)).add(job);
  for (const { event } of erasures)
    if (event.kind === 'erasure' && event.successor) jobs.add(event.successor.job);
  return new Set([...jobs].filter((other) => rootOf(erasures, other) === root));
}

/** Of a family, the job whose model stands: the one that came last. @param entries - the whole ledger */
export function standingJob(entries: readonly LedgerEntry[], job: string): string {
  const family = familyOf(entries, job);
  const latest = entries.findLast(
    (entry) => family.has(entry.job) && entry.event.kind === 'erasure' && entry.event.successor !== undefined,
  );
  return latest?.event.kind === 'erasure' && latest.event.successor !== undefined
    ? latest.event.successor.job
    : rootOf(entries, job);
}

/** Rounds that came before the first one of a job, in those that it went on from. */
export function roundsBefore(entries: readonly LedgerEntry[], job: string): number {
  const succession = successionOf(entries, job);
  return succession === undefined ? 0 : roundsBefore(entries, succession.job) + succession.rounds;
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
 * What the models of a job and of its whole family have cost together, to be read at any δ: rounds that do not stand any more too, since
 * nothing is refunded.
 * @param entries - the whole ledger
 */
export function familyAccount(entries: readonly LedgerEntry[], job: string): Account {
  const account = new Account();
  for (const debit of familyDebits(entries, job))
    account.charge(releasedModelEvent(debit), debit.noiseDistance);
  return account;
}

/** What a client has spent in a family against the coordinator, which sees who takes part. */
export function clientFamilyAccount(entries: readonly LedgerEntry[], job: string, client: string): Account {
  const account = new Account();
  for (const { participants, release, noiseDistance } of familyDebits(entries, job))
    if (participants.includes(client)) account.charge(release, noiseDistance);
  return account;
}

function familyDebits(entries: readonly LedgerEntry[], job: string): readonly RoundDebited[] {
  const family = familyOf(entries, job);
  return entries.flatMap((entry) =>
    family.has(entry.job) && entry.event.kind === 'round-debited' ? [entry.event] : [],
  );
}

function rootOf(entries: readonly LedgerEntry[], job: string): string {
  const succession = successionOf(entries, job);
  return succession === undefined ? job : rootOf(entries, succession.job);
}
