import { Pool, types, type PoolClient } from 'pg';
import { storeFull, storeNewer, storeUnavailable } from './failures.js';
import { MIGRATIONS } from './migrations.js';
import type { SqlConnection, SqlDatabase, SqlRow, SqlValue } from './database.js';

const DISK_FULL = '53100';
/** Classes of errors in which the connection is gone: connection failure, shutdown by an operator, resources. */
const UNREACHABLE = /^(08|57P|53)/;
/** Under which coordinators that start at once take turns to migrate. Any number that nobody else uses. */
const MIGRATION_LOCK = 0x7475747469;

/**
 * The engine for deployments: a PostgreSQL database that several coordinators share. A transaction has reached the server's disk
 * when it returns, unless the server was configured otherwise: leave `synchronous_commit` and `fsync` on.
 *
 * @param url - `postgres://user:password@host/database`
 * @throws {Refusal} `store.newer` where a later version wrote it
 * @throws {TuttiError} `store.unavailable` where it cannot be reached
 */
export async function openPostgres(url: string): Promise<SqlDatabase> {
  const pool = new Pool({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    types: {
      // Numbers of 64 bits come as text; ours are times and counters, which a double holds exactly.
      getTypeParser: (oid, format) =>
        oid === types.builtins.INT8 ? Number : (types.getTypeParser(oid, format) as unknown),
    },
  });
  // A connection that breaks while nobody uses it is replaced; whoever uses one hears of it from the statement.
  pool.on('error', () => undefined);
  const engine = new PostgresDatabase(pool);
  try {
    await engine.transaction(migrate);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

async function migrate(connection: SqlConnection): Promise<void> {
  await connection.query('SELECT pg_advisory_xact_lock(?)', MIGRATION_LOCK);
  await connection.query('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)');
  const [row] = await connection.query('SELECT version FROM schema_version');
  const version = Number(row?.['version'] ?? 0);
  if (version > MIGRATIONS.length) throw storeNewer(version, MIGRATIONS.length);
  for (const { statements, fill } of MIGRATIONS.slice(version)) {
    for (const statement of statements.split(';')) {
      if (statement.trim() !== '') await connection.query(statement);
    }
    await fill?.(connection);
  }
  await connection.query('DELETE FROM schema_version');
  await connection.query('INSERT INTO schema_version (version) VALUES (?)', MIGRATIONS.length);
}

class PostgresDatabase implements SqlDatabase {
  constructor(private readonly pool: Pool) {}

  async query(sql: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return typed(() => run(this.pool, sql, values));
  }

  async transaction<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const client = await typed(() => this.pool.connect());
    let broken: Error | undefined;
    const lost = (error: Error) => {
      broken = error;
    };
    // Without a listener, a server that goes away between two statements would end the process.
    client.on('error', lost);
    try {
      await typed(() => client.query('BEGIN'));
      const result = await work({ query: (sql, ...values) => typed(() => run(client, sql, values)) });
      await typed(() => client.query('COMMIT'));
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(lost);
      throw error;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }

  async now(): Promise<number> {
    const [row] = await this.query(
      'SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now',
    );
    return Number(row?.['now']);
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

async function run(
  on: Pool | PoolClient,
  sql: string,
  values: readonly SqlValue[],
): Promise<readonly SqlRow[]> {
  let count = 0;
  const { rows } = await on.query<SqlRow>(
    sql.replaceAll('?', () => `$${++count}`),
    values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
  );
  return rows;
}

async function typed<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
    if (code === DISK_FULL) throw storeFull(error);
    // The driver's own errors and the system's have no code of five characters.
    if (code === undefined || code.length !== 5 || UNREACHABLE.test(code)) throw storeUnavailable(error);
    throw error;
  }
}
