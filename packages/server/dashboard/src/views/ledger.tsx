import { useCallback, useEffect, useState } from 'preact/hooks';
import { portable } from '@tutti/shared/crypto';
import { deltaFigure, verifyChain, type LedgerEntry, type LedgerVerdict } from '@tutti/shared/privacy';
import type { Api } from '../api.js';
import { count, moment, short } from '../figures.js';

const SHOWN_ENTRIES = 50;

/** The privacy ledger. Its chain is verified here, in this page, from the entries: the coordinator is not asked whether it holds. */
export function Ledger({ api }: { readonly api: Api }) {
  const [read, setRead] = useState<{ entries: readonly unknown[]; verdict: LedgerVerdict }>();
  const [problem, setProblem] = useState<string>();
  const load = useCallback(() => {
    api.lines('/api/ledger').then(
      (entries) => {
        setProblem(undefined);
        setRead({ entries, verdict: verifyChain(portable, entries) });
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, [api]);
  useEffect(load, [load]);
  return (
    <section class="card table">
      <h2>Privacy ledger</h2>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {read === undefined ? <p>Reading…</p> : <Verdict verdict={read.verdict} />}
      <button type="button" class="plain" onClick={load}>
        Read and verify again
      </button>
      {read?.verdict.ok === true && <Entries entries={read.entries as readonly LedgerEntry[]} />}
    </section>
  );
}

function Verdict({ verdict }: { readonly verdict: LedgerVerdict }) {
  return verdict.ok ? (
    <p class="verdict ok">
      <strong>The chain holds</strong>, verified in this page: {count(verdict.entries)} entries, head{' '}
      <code title={verdict.head}>{short(verdict.head)}</code>.
    </p>
  ) : (
    <p class="verdict broken" role="alert">
      <strong>The chain is broken at entry {verdict.sequence}</strong>: {verdict.reason}. Stop the
      coordinator, and restore the ledger from a backup.
    </p>
  );
}

function Entries({ entries }: { readonly entries: readonly LedgerEntry[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">When</th>
          <th scope="col">Job</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {entries
          .slice(-SHOWN_ENTRIES)
          .toReversed()
          .map((entry) => (
            <tr key={entry.sequence}>
              <th scope="row">{entry.sequence}</th>
              <td>{moment(entry.time)}</td>
              <td>
                <code title={entry.job}>{short(entry.job)}</code>
              </td>
              <td>{words(entry)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function words({ event }: LedgerEntry): string {
  switch (event.kind) {
    case 'job-opened':
      return `Opened ${event.name}, budget ε ${event.epsilonBudget} at δ ${deltaFigure(event.delta)}`;
    case 'round-debited':
      return `Round ${event.round} charged before unmasking: ${event.sharers} sharers, ${event.survivors} in the sum`;
    case 'round-completed':
      return `Round ${event.round} completed`;
    case 'round-aborted':
      return `Round ${event.round} aborted in ${event.phase} (${event.reason}), ${event.charged ? 'charged' : 'nothing charged'}`;
    case 'canaries-committed':
      return `${count(event.canaries)} canaries of the operator’s among the clients, to audit the job; nothing charged`;
    case 'erasure':
      return `Erasure ${event.request} (${event.remedy}) of ${event.clients.length} clients; nothing is refunded`;
    case 'job-closed':
      return `Closed: ${event.reason}`;
  }
}
