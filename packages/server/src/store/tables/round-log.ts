import { z } from 'zod';
import type { RoundReference } from '@tutti/shared/protocol';
import type { Access } from './access.js';
import { bytes, json } from './columns.js';

/** One line of the log of a round that is under way. */
export interface LogLine {
  /** Place in the log, from 0. */
  readonly line: number;
  readonly header: unknown;
  readonly body: Uint8Array;
}

/** Rows in one statement: below what either engine takes, and one journey to the database in place of many. */
const ROWS_AT_ONCE = 100;

const lineRow = z.object({ line: z.number(), header: json, body: bytes });
const referenceRow = z.object({ job: z.string(), round: z.number(), attempt: z.number() });

/** What a round that is under way must not forget. Its lines go when it is over. */
export class RoundLogTable {
  constructor(private readonly access: Access) {}

  /**
   * Adds lines, and removes those whose place they take, in one transaction.
   * @param replaced - places of the lines to remove
   */
  append(
    { job, round, attempt }: RoundReference,
    lines: readonly LogLine[],
    replaced: readonly number[] = [],
  ): Promise<void> {
    return this.access.write(async (connection) => {
      for (let start = 0; start < lines.length; start += ROWS_AT_ONCE) {
        const some = lines.slice(start, start + ROWS_AT_ONCE);
        await connection.query(
          `INSERT INTO round_log (job, round, attempt, line, header, body)
           VALUES ${some.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')}`,
          ...some.flatMap(({ line, header, body }) => [
            job,
            round,
            attempt,
            line,
            JSON.stringify(header),
            body,
          ]),
        );
      }
      for (let start = 0; start < replaced.length; start += ROWS_AT_ONCE) {
        const some = replaced.slice(start, start + ROWS_AT_ONCE);
        await connection.query(
          `DELETE FROM round_log WHERE job = ? AND round = ? AND attempt = ? AND line IN (${some.map(() => '?').join(', ')})`,
          job,
          round,
          attempt,
          ...some,
        );
      }
    });
  }

  /** The attempt that a job's log is of, if there is one. */
  async unfinished(job: string): Promise<RoundReference | undefined> {
    const [row] = await this.access.read(
      'SELECT job, round, attempt FROM round_log WHERE job = ? ORDER BY round DESC, attempt DESC LIMIT 1',
      job,
    );
    return row && referenceRow.parse(row);
  }

  /** The lines of one attempt, in order. */
  async lines({ job, round, attempt }: RoundReference): Promise<readonly LogLine[]> {
    const rows = await this.access.read(
      'SELECT line, header, body FROM round_log WHERE job = ? AND round = ? AND attempt = ? ORDER BY line',
      job,
      round,
      attempt,
    );
    return rows.map((row) => lineRow.parse(row));
  }

  /** Forgets every line of a job. */
  async clear(job: string): Promise<void> {
    await this.access.write((connection) => connection.query('DELETE FROM round_log WHERE job = ?', job));
  }
}
