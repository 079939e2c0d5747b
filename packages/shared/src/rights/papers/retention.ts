import type { PaperSection } from './paper.js';

/** For how many days a coordinator keeps what it deletes by itself; left out, for ever. */
export interface RetentionPeriods {
  /** Models that later rounds have replaced, and what the optimiser remembered. */
  readonly checkpoints?: number | undefined;
  /** Records of rounds: counts, times and scores of each attempt. Not before their checkpoints. */
  readonly rounds?: number | undefined;
  /** Invitations that have expired: for whom each was, and which key came of it. */
  readonly invitations?: number | undefined;
  /** Entries of the audit log. */
  readonly logs?: number | undefined;
}

/** What a coordinator deletes and when, and what it never does, as a paper says it (Article 30(1)(f) GDPR). */
export function retentionEntries(periods: RetentionPeriods): NonNullable<PaperSection['entries']> {
  const text = (days: number | undefined, since: string) =>
    days === undefined ? 'no period is set' : `deleted ${days} ${days === 1 ? 'day' : 'days'} after ${since}`;
  return [
    {
      label: 'Checkpoints of models',
      text: text(periods.checkpoints, 'their round, unless a request for erasure is open'),
    },
    {
      label: 'Records of rounds',
      text: text(periods.rounds, 'the round, once its checkpoint is gone'),
    },
    { label: 'Invitations', text: text(periods.invitations, 'they expired') },
    { label: 'Audit log', text: text(periods.logs, 'the entry') },
    {
      label: 'Never deleted',
      text: 'the privacy ledger, the log of requests for erasure with their certificates, audits that were filed, terms and current model of a job, and keys of clients, since whoever was shut out or has withdrawn is not to be let in again',
    },
  ];
}
