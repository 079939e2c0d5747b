import Database from 'libsql';
import { BoundedCache } from '@tutti/shared/crypto';
import { storeFull, storeInUse, storeNewer } from './failures.js';
import { MIGRATIONS } from './migrations.js';
import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from './database.js';

/**
 * The embedded engine: one SQLite file, for coordinators on one machine and for simulations. Write-ahead log with
 * `synchronous = FULL`: a write has reached the disk when it returns. The file is locked exclusively, because a second
 * process on the same ledger could spend the same budget twice.
 *
 * @param path - file, made where it is absent
 * @throws {Refusal} `store.in-use` where another process holds the file, `store.newer` where a later version wrote it.
 */
export async function openSqlite(path: string): Promise<SqlDatabase> {
  const database = new Database(path);
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    const engine = new SqliteDatabase(database);
    await migrate(database, engine);
    // Whoever held a lease is gone: nobody else can have the file open.
    await engine.query('UPDATE leases SET expires_at = 0');
    return engine;
  } catch (error) {
    database.close();
    throw error instanceof Error && /locked|busy/i.test(error.message) ? storeInUse(error) : error;
  }
}

async function migrate(database: Database.Database, engine: SqliteDatabase): Promise<void> {
  const [row] = database.prepare('PRAGMA user_version').all() as { user_version: number }[];
  const version = row?.user_version ?? 0;
  if (version > MIGRATIONS.length) throw storeNewer(version, MIGRATIONS.length);
  await engine.transaction(async (connection) => {
    for (const { statements, fill } of MIGRATIONS.slice(version)) {
      database.exec(statements);
      await fill?.(connection);
    }
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

/** Statements that are kept prepared: some dozens are in use, those that write many rows once for each number of rows. */
const MOST_STATEMENTS = 64;

class SqliteDatabase implements SqlDatabase {
  private readonly statements = new BoundedCache<Database.Statement>(MOST_STATEMENTS);
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly database: Database.Database) {}

  query(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.inTurn(() => this.run(sql, values));
  }

  transaction<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.run('BEGIN IMMEDIATE', []);
      try {
        const result = await work({
          query: (sql, ...values) => new Promise((resolve) => resolve(this.run(sql, values))),
        });
        this.run('COMMIT', []);
        return result;
      } catch (error) {
        // Where the disk is full, SQLite has rolled back by itself.
        if (this.database.inTransaction) this.run('ROLLBACK', []);
        throw error;
      }
    });
  }

  now(): Promise<number> {
    return Promise.resolve(Date.now());
  }

  close(): Promise<void> {
    return this.inTurn(() => {
      this.statements.clear();
      // The driver's own close leaves the lock to whatever statements are not collected yet. An exclusive lock is given up by leaving
      // write-ahead mode and touching the file once more.
      this.database.pragma('journal_mode = DELETE');
      this.database.pragma('locking_mode = NORMAL');
      this.database.prepare('SELECT COUNT(*) FROM ledger').all();
      this.database.close();
    });
  }

  /** One connection: a statement from elsewhere must not become part of a transaction that waits between two of its own. */
  private inTurn<T>(action: () => T | Promise<T>): Promise<T> {
    const result = this.turn.then(action);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private run(sql: string, values: readonly SqlValue[]): readonly SqlRow[] {
    try {
      // As one array: the driver takes a lone typed array for a list of named values.
      const statement = this.statements.get(sql, () => this.database.prepare(sql));
      const rows = statement.all([...values]) as Record<string, unknown>[];
      return rows.map(withBytes);
    } catch (error) {
      throw error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL'
        ? storeFull(error)
        : error;
    }
  }
}

function withBytes(row: Record<string, unknown>): SqlRow {
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
  }
  return row;
}
