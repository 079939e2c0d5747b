import { z } from 'zod';
import type { Access } from './access.js';
import { json, time } from './columns.js';

/** Who did what. */
export interface AuditEntry {
  /** Place in the log, from 1. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
  /** Name of the operator, or what part of the coordinator acted. */
  readonly actor: string;
  /** Dotted, lower case: `job.pause`. */
  readonly action: string;
  /** What it was done to: a job's hash, a client's key. */
  readonly subject: string;
  /** Anything else that a reader needs; no private data, no token. */
  readonly detail: Readonly<Record<string, unknown>>;
}

const entryRow = z.object({
  sequence: z.number(),
  time,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: json.pipe(z.record(z.string(), z.unknown())),
});

/** The audit log: appended and read, never changed; its oldest entries go when the period for which they are kept is over. */
export class AuditTable {
  constructor(private readonly access: Access) {}

  append({ time, actor, action, subject, detail }: Omit<AuditEntry, 'sequence'>): Promise<AuditEntry> {
    return this.access.write(async (connection) => {
      // The counter's row is locked until the entry is there: writers take turns, and no number is left out.
      const [row] = await connection.query(
        `INSERT INTO counters (name, value) VALUES ('audit', 1)
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`,
      );
      const sequence = z.number().parse(row?.['value']);
      await connection.query(
        'INSERT INTO audit (sequence, time, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)',
        sequence,
        time,
        actor,
        action,
        subject,
        JSON.stringify(detail),
      );
      return { sequence, time, actor, action, subject, detail };
    });
  }

  /** Entries in order, a page at a time. @param after - the sequence number that the page begins after */
  async list(limit: number, after = 0): Promise<readonly AuditEntry[]> {
    const rows = await this.access.read(
      `SELECT sequence, time, actor, action, subject, detail FROM audit
       WHERE sequence > ? ORDER BY sequence LIMIT ?`,
      after,
      limit,
    );
    return rows.map((row) => entryRow.parse(row));
  }

  /** Removes the entries before a time. @returns how many there were */
  async removeBefore(time: number): Promise<number> {
    const removed = await this.access.write((connection) =>
      connection.query('DELETE FROM audit WHERE time < ? RETURNING sequence', time),
    );
    return removed.length;
  }
}
