import type { Primitives } from '../../crypto/index.js';
import { TuttiError } from '../../errors.js';
import { verifyChain } from './chain.js';
import type { LedgerEntry } from './events.js';
import { LedgerState, type SpentPrivacy } from './ledger-state.js';

/** What a ledger says of one job, with ε recomputed from its events. */
export interface JobLedgerReport {
  readonly job: string;
  readonly name: string;
  readonly open: boolean;
  /** What one ε protects. Absent: a client. */
  readonly unit?: 'example';
  /** True: every protecting draw could be recomputed from a seed, so that nothing is protected. */
  readonly seeded: boolean;
  /** Clients of the operator's own, put among the others for an audit. Absent: none. */
  readonly canaries?: number;
  readonly debits: number;
  readonly completed: number;
  /** Attempts that were aborted after they were paid for: nobody knows whether their sum was seen. */
  readonly abortedCharged: number;
  /** The attempt that is paid for and neither completed nor aborted: under way, or left by a coordinator that died. */
  readonly undecided: { readonly round: number; readonly attempt: number } | null;
  readonly delta: number;
  readonly epsilonBudget: number;
  readonly spent: SpentPrivacy;
}

/** What a whole ledger comes to. */
export interface LedgerReport {
  readonly ok: boolean;
  readonly entries: number;
  /** Hash of the last entry: whoever keeps it notices later when entries are cut off. Null where the chain does not hold. */
  readonly head: string | null;
  /** What does not hold, a sentence each. */
  readonly problems: readonly string[];
  readonly jobs: readonly JobLedgerReport[];
}

/**
 * Verifies a ledger: its chain, that each job's entries can follow one another, and that no job has spent more than its budget.
 *
 * @param entries - as read from outside, first to last
 * @param head - a hash that the chain must contain, where one is known
 */
export function reportLedger(
  primitives: Pick<Primitives, 'sha256'>,
  entries: readonly unknown[],
  head?: string,
): LedgerReport {
  const verdict = verifyChain(primitives, entries, head);
  if (!verdict.ok) {
    const problems = [`The chain breaks at entry ${verdict.sequence}: ${verdict.reason}.`];
    return { ok: false, entries: entries.length, head: null, problems, jobs: [] };
  }
  const problems: string[] = [];
  const jobs: JobLedgerReport[] = [];
  // The chain holds: each is an entry.
  for (const [job, own] of byJob(entries as readonly LedgerEntry[])) {
    try {
      const report = reportJob(job, own);
      jobs.push(report);
      if (report.spent.releasedModel > report.epsilonBudget)
        problems.push(`The job ${report.name} has spent more than its budget.`);
    } catch (error) {
      if (!(error instanceof TuttiError)) throw error;
      problems.push(`Job ${job}: ${error.message}`);
    }
  }
  return { ok: problems.length === 0, entries: verdict.entries, head: verdict.head, problems, jobs };
}

function byJob(entries: readonly LedgerEntry[]): ReadonlyMap<string, readonly LedgerEntry[]> {
  const jobs = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const own = jobs.get(entry.job) ?? [];
    own.push(entry);
    jobs.set(entry.job, own);
  }
  return jobs;
}

/** @throws {Refusal} `ledger.inconsistent` */
function reportJob(job: string, entries: readonly LedgerEntry[]): JobLedgerReport {
  const state = entries.reduce((known, entry) => known.apply(entry), new LedgerState(job));
  const count = (counts: (event: LedgerEntry['event']) => boolean) =>
    entries.filter(({ event }) => counts(event)).length;
  const { name, unit, seeded, delta, epsilonBudget } = state.terms;
  const { undecided, canaries } = state;
  return {
    job,
    name,
    open: state.isOpen,
    ...(unit && { unit }),
    seeded,
    ...(canaries && { canaries: canaries.canaries }),
    debits: count(({ kind }) => kind === 'round-debited'),
    completed: count(({ kind }) => kind === 'round-completed'),
    abortedCharged: count((event) => event.kind === 'round-aborted' && event.charged),
    undecided: undecided ? { round: undecided.round, attempt: undecided.attempt } : null,
    delta,
    epsilonBudget,
    spent: state.spent(),
  };
}
