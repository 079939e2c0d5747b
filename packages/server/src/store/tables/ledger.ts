import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { LedgerEntry } from '@tutti/shared/privacy';
import type { Access } from './access.js';
import { bookDebit } from './debits.js';
import { json } from './columns.js';

const entryRow = z.object({ entry: json });
const participationRow = z.object({ client: z.string(), job: z.string(), rounds: z.number() });

/** How often a client has been charged for a job. */
export type Participation = z.output<typeof participationRow>;

/** The privacy ledger's entries, appended and read, never changed. */
export class LedgerTable {
  constructor(private readonly access: Access) {}

  /**
   * Adds the next entry, and books what follows from it.
   * @throws {Refusal} `ledger.not-next` where its sequence number is not the next one, `ledger.debited-twice`
   */
  append(entry: LedgerEntry): Promise<void> {
    return this.access.write(async (connection) => {
      const { sequence } = entry;
      const added = await connection.query(
        `INSERT INTO ledger (sequence, entry) SELECT CAST(? AS INTEGER), ?
         WHERE CAST(? AS INTEGER) = (SELECT COUNT(*) FROM ledger)
         ON CONFLICT DO NOTHING RETURNING sequence`,
        sequence,
        JSON.stringify(entry),
        sequence,
      );
      if (added.length === 0) {
        throw new Refusal(
          'ledger.not-next',
          `Ledger entry ${sequence} is not the one that follows those in the store.`,
          'Read the ledger again: another job has appended to it.',
        );
      }
      await bookDebit(connection, entry);
    });
  }

  /**
   * The entries from a sequence number on, in order. Unchecked: what a database holds may have been changed there, and only the chain can tell.
   */
  async entries(from = 0): Promise<readonly unknown[]> {
    const rows = await this.access.read(
      'SELECT entry FROM ledger WHERE sequence >= ? ORDER BY sequence',
      from,
    );
    return rows.map((row) => entryRow.parse(row).entry);
  }

  /** How often clients have been charged, in which jobs: of one client, or of all. */
  async participations(client?: string): Promise<readonly Participation[]> {
    const rows =
      client === undefined
        ? await this.access.read('SELECT client, job, rounds FROM participations ORDER BY client, job')
        : await this.access.read(
            'SELECT client, job, rounds FROM participations WHERE client = ? ORDER BY job',
            client,
          );
    return rows.map((row) => participationRow.parse(row));
  }
}
