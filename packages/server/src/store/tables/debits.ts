import { ledgerEntrySchema, type LedgerEntry } from '@tutti/shared/privacy';
import { Refusal } from '@tutti/shared/errors';
import type { SqlConnection } from '../engines/database.js';

/** Values in one statement: below what either engine takes. */
const ROWS_AT_ONCE = 200;

/**
 * Books what follows from an entry. From a debit: that the attempt is paid for, once, and how often its clients have taken part. To be called in the transaction
 * that appends the entry.
 *
 * @throws {Refusal} `ledger.debited-twice` where the attempt has a debit already
 */
export async function bookDebit(
  connection: SqlConnection,
  { job, sequence, event }: LedgerEntry,
): Promise<void> {
  if (event.kind === 'erasure' && event.replay !== undefined) {
    // Rounds that are replayed are paid for once more; that clients took part in them before stays counted.
    await connection.query('DELETE FROM debits WHERE job = ? AND round > ?', job, event.replay.rounds);
  }
  if (event.kind !== 'round-debited') return;
  const { round, attempt } = event;
  const booked = await connection.query(
    'INSERT INTO debits (job, round, attempt, sequence) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING sequence',
    job,
    round,
    attempt,
    sequence,
  );
  if (booked.length === 0) {
    throw new Refusal(
      'ledger.debited-twice',
      `Attempt ${attempt} at round ${round} has been debited already.`,
      'An attempt is paid for once: open the job again, and it goes on from what the ledger says.',
    );
  }
  const participants = [...new Set(event.participants)];
  for (let start = 0; start < participants.length; start += ROWS_AT_ONCE) {
    const some = participants.slice(start, start + ROWS_AT_ONCE);
    await connection.query(
      `INSERT INTO participations (client, job, rounds) VALUES ${some.map(() => '(?, ?, 1)').join(', ')}
       ON CONFLICT (client, job) DO UPDATE SET rounds = participations.rounds + 1`,
      ...some.flatMap((client) => [client, job]),
    );
  }
}

/** The same for a ledger from before these tables. An entry that is not one of a ledger is left to whoever verifies it. */
export async function bookDebits(connection: SqlConnection): Promise<void> {
  for (const row of await connection.query('SELECT entry FROM ledger ORDER BY sequence')) {
    const entry = ledgerEntrySchema.safeParse(JSON.parse(String(row['entry'])));
    if (entry.success) await bookDebit(connection, entry.data);
  }
}
