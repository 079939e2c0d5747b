import { primitives } from '@tutti/shared/crypto/primitives';
import { nextEntry, type LedgerEntry, type LedgerEvent, type PrivacyEvent } from '@tutti/shared/privacy';

export const JOB = 'a'.repeat(64);
export const OTHER_JOB = 'b'.repeat(64);
export const client = (index: number): string => index.toString(16).padStart(64, '0');

/** One release of noise multiplier about `multiplier`. */
export function release(multiplier = 1): PrivacyEvent {
  return {
    kind: 'distributed-discrete-gaussian',
    dimension: 650,
    localVariance: (multiplier * 800) ** 2 / 30,
    honestShares: 30,
    l2Sensitivity: 800,
    l1Sensitivity: 20_000,
    relation: 'zero-out',
    unit: 'client',
  };
}

type Opened = Extract<LedgerEvent, { kind: 'job-opened' }>;
type Debited = Extract<LedgerEvent, { kind: 'round-debited' }>;

export function opened(changes: Partial<Opened> = {}): LedgerEvent {
  return {
    kind: 'job-opened',
    name: 'digits',
    delta: 2e-4,
    epsilonBudget: 6,
    population: 500,
    seeded: false,
    ...changes,
  };
}

export function debited(round: number, changes: Partial<Debited> = {}): LedgerEvent {
  return {
    kind: 'round-debited',
    round,
    attempt: 0,
    release: release(),
    sampling: { kind: 'poisson', rate: 0.08 },
    sharers: 40,
    survivors: 36,
    required: 32,
    participants: Array.from({ length: 40 }, (_, index) => client((round * 40 + index) % 500)),
    ...changes,
  };
}

export const completed = (round: number): LedgerEvent => ({
  kind: 'round-completed',
  round,
  attempt: 0,
  model: 'c'.repeat(64),
});

export const aborted = (round: number, charged: boolean, attempt = 0): LedgerEvent => ({
  kind: 'round-aborted',
  round,
  attempt,
  phase: charged ? 'unmask' : 'input',
  reason: 'below threshold',
  charged,
});

/** A chain of these events, a minute apart. */
export function chainOf(events: readonly LedgerEvent[], job = JOB, after?: LedgerEntry): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (const [index, event] of events.entries()) {
    const time = new Date(Date.UTC(2026, 10, 24, 12, index)).toISOString();
    entries.push(nextEntry(primitives, entries.at(-1) ?? after, { job, time, event }));
  }
  return entries;
}

/** Ten completed rounds of a job. */
export function tenRounds(): LedgerEntry[] {
  const rounds = Array.from({ length: 10 }, (_, index) => index + 1);
  return chainOf([
    opened(),
    ...rounds.flatMap((round) => [debited(round), completed(round)]),
    { kind: 'job-closed', reason: 'rounds' },
  ]);
}
