import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { Refusal } from '@tutti/shared/errors';

/**
 * Makes this process the only daemon on a state folder for as long as it lives: two would join one round twice. The lock is the operating
 * system's, taken by SQLite on a file of its own, so that it goes with the process, however it ends.
 *
 * @returns gives the lock back
 * @throws {Refusal} `client.running` where another process has it
 */
export function lockState(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new Database(join(folder, 'lock.db'));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new Refusal(
      'client.running',
      `Another client is running on ${folder}.`,
      'Stop it first, or give this one a state folder and an identity of its own.',
      { cause: error },
    );
  }
  return () => {
    database.exec('ROLLBACK');
    database.close();
  };
}
