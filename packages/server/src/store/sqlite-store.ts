import Database from 'libsql';
import type { LedgerEntry } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { Refusal } from '@tutti/shared/errors';
import { MIGRATIONS } from './migrations.js';
import type { JobState, Store } from './store.js';

/**
 * The store inside one SQLite file, for coordinators on one machine and for simulations. Write-ahead log with
 * `synchronous = FULL`: a write has reached the disk when it returns. The file is locked exclusively, because a second
 * process on the same ledger could spend the same budget twice.
 *
 * @param path - file, made where it is absent
 * @throws {Refusal} `store.in-use` where another process holds the file, `store.newer` where a later version wrote it.
 */
export function openSqliteStore(path: string): Store {
  const database = new Database(path);
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    migrate(database);
  } catch (error) {
    database.close();
    if (error instanceof Refusal) throw error;
    if (error instanceof Error && /locked|busy/i.test(error.message)) {
      throw new Refusal(
        'store.in-use',
        'Another process has this store open.',
        'Stop the other process, or give this one a directory of its own.',
        { cause: error },
      );
    }
    throw error;
  }
  return new SqliteStore(database);
}

function migrate(database: Database.Database): void {
  const [row] = database.prepare('PRAGMA user_version').all() as { user_version: number }[];
  const version = row?.user_version ?? 0;
  if (version > MIGRATIONS.length) {
    throw new Refusal(
      'store.newer',
      `The store has schema version ${version}; this version of Tutti knows ${MIGRATIONS.length}.`,
      'Run the version of Tutti that wrote it, or a later one.',
    );
  }
  database.exec('BEGIN IMMEDIATE');
  MIGRATIONS.slice(version).forEach((statements) => database.exec(statements));
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

class SqliteStore implements Store {
  constructor(private readonly database: Database.Database) {}

  appendLedger(entry: LedgerEntry): Promise<void> {
    return promised(() => {
      const [row] = this.database.prepare('SELECT COUNT(*) AS count FROM ledger').all() as {
        count: number;
      }[];
      if (entry.sequence !== row?.count) {
        throw new Refusal(
          'ledger.not-next',
          `Ledger entry ${entry.sequence} does not follow the ${row?.count ?? 0} entries in the store.`,
          'Another writer has appended to this ledger: restart the coordinator.',
        );
      }
      this.database
        .prepare('INSERT INTO ledger (sequence, entry) VALUES (?, ?)')
        .run(entry.sequence, JSON.stringify(entry));
    });
  }

  ledger(): Promise<readonly LedgerEntry[]> {
    return promised(() => this.parsed<LedgerEntry>('SELECT entry AS json FROM ledger ORDER BY sequence'));
  }

  jobState(job: string): Promise<JobState | undefined> {
    return promised(() => this.parsed<JobState>('SELECT state AS json FROM jobs WHERE job = ?', job)[0]);
  }

  openJob(state: JobState): Promise<void> {
    return promised(() => {
      this.database
        .prepare('INSERT INTO jobs (job, state) VALUES (?, ?)')
        .run(state.job, JSON.stringify(state));
    });
  }

  recordRound(record: RoundRecord, state: JobState): Promise<void> {
    return promised(() => {
      this.database.exec('BEGIN IMMEDIATE');
      try {
        this.database
          .prepare('INSERT INTO rounds (job, round, attempt, record) VALUES (?, ?, ?, ?)')
          .run(state.job, record.round, record.attempt, JSON.stringify(record));
        this.database
          .prepare('UPDATE jobs SET state = ? WHERE job = ?')
          .run(JSON.stringify(state), state.job);
        this.database.exec('COMMIT');
      } catch (error) {
        this.database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  rounds(job: string): Promise<readonly RoundRecord[]> {
    const query = 'SELECT record AS json FROM rounds WHERE job = ? ORDER BY round, attempt';
    return promised(() => this.parsed<RoundRecord>(query, job));
  }

  close(): Promise<void> {
    return promised(() => {
      // The driver's own close leaves the lock to whatever statements are not collected yet. An exclusive lock is given up by leaving
      // write-ahead mode and touching the file once more.
      this.database.pragma('journal_mode = DELETE');
      this.database.pragma('locking_mode = NORMAL');
      this.database.prepare('SELECT COUNT(*) FROM ledger').all();
      this.database.close();
    });
  }

  /** Rows of one JSON column that this class wrote itself. */
  private parsed<T>(query: string, ...bound: readonly unknown[]): T[] {
    const rows = this.database.prepare(query).all(...bound) as { json: string }[];
    return rows.map((row) => JSON.parse(row.json) as T);
  }
}

/** The driver is synchronous; the interface is not, and fails by rejection. */
function promised<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
