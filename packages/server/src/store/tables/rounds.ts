import { z } from 'zod';
import type { RoundRecord } from '@tutti/shared/protocol';
import type { Access } from './access.js';
import { json } from './columns.js';

const recordRow = z.object({ record: json });

/** Where in a job an attempt is. */
export type AttemptAt = Pick<RoundRecord, 'round' | 'attempt'>;

/** What rounds have done. */
export class RoundTable {
  constructor(private readonly access: Access) {}

  /** Adds the record of an attempt, of which there is none yet. */
  async add(job: string, record: RoundRecord): Promise<void> {
    await this.access.write((connection) =>
      connection.query(
        'INSERT INTO rounds (job, round, attempt, record) VALUES (?, ?, ?, ?)',
        job,
        record.round,
        record.attempt,
        JSON.stringify(record),
      ),
    );
  }

  /** Forgets the records of all rounds after one to which a job goes back. */
  async removeAfter(job: string, round: number): Promise<void> {
    await this.access.write((connection) =>
      connection.query('DELETE FROM rounds WHERE job = ? AND round > ?', job, round),
    );
  }

  /** Forgets the records of some attempts. */
  async remove(job: string, attempts: readonly AttemptAt[]): Promise<void> {
    await this.access.write(async (connection) => {
      for (const { round, attempt } of attempts)
        await connection.query(
          'DELETE FROM rounds WHERE job = ? AND round = ? AND attempt = ?',
          job,
          round,
          attempt,
        );
    });
  }

  /**
   * Records of a job's rounds and attempts, in the order in which they happened.
   * @param after - leaves out this attempt and what came before it
   */
  async of(job: string, after: AttemptAt = { round: 0, attempt: 0 }): Promise<readonly RoundRecord[]> {
    const rows = await this.access.read(
      'SELECT record FROM rounds WHERE job = ? AND (round > ? OR (round = ? AND attempt > ?)) ORDER BY round, attempt',
      job,
      after.round,
      after.round,
      after.attempt,
    );
    // Written by this class alone, and shown, never acted upon.
    return rows.map((row) => recordRow.parse(row).record as RoundRecord);
  }
}
