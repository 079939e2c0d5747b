import type { Client } from 'pg';
import { Refusal } from '@tutti/shared/errors';
import { malformed } from '../refusals.js';
import type { Source } from '../source.js';
import { selecting } from './selecting.js';

/** Rows that are held at a time. */
const CHUNK = 1000;

/**
 * The rows of a query on PostgreSQL, in a session that cannot write.
 * @param url - `postgresql://user@host/database`; the password is better in `PGPASSWORD` or `~/.pgpass`
 */
export function postgresSource(url: string, query: string): Source {
  const { host, pathname } = new URL(url);
  const name = `postgresql://${host}${pathname}`;
  return {
    name,
    columns: () =>
      connected(name, url, async (client) => {
        const { fields } = await client.query(`${selecting(query)} LIMIT 0`);
        return fields.map(({ name: column }) => ({ name: column }));
      }),
    async *rows(columns) {
      const client = await connect(name, url);
      try {
        await client.query('BEGIN READ ONLY');
        await client.query(`DECLARE chunks NO SCROLL CURSOR FOR ${selecting(query, columns)}`);
        let row = 0;
        for (;;) {
          const { rows } = await client.query<unknown[]>({
            text: `FETCH ${CHUNK} FROM chunks`,
            rowMode: 'array',
          });
          for (const cells of rows) yield { place: `row ${++row}`, cells };
          if (rows.length < CHUNK) break;
        }
      } catch (error) {
        throw wrong(name, error);
      } finally {
        await client.end();
      }
    },
  };
}

async function connect(name: string, url: string): Promise<Client> {
  const { default: postgres } = await import('pg');
  const client = new postgres.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    // Whatever the query says, nothing is written in this session.
    options: '-c default_transaction_read_only=on',
  });
  // A connection that breaks while nobody waits for it must not end the process; the next query fails.
  client.on('error', () => undefined);
  await client.connect().catch((error: unknown) => {
    throw new Refusal(
      'data.unreadable',
      `${name} cannot be reached (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
      'Check data.source, the network, and the password in PGPASSWORD or ~/.pgpass.',
    );
  });
  return client;
}

async function connected<T>(name: string, url: string, action: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(name, url);
  try {
    return await action(client);
  } catch (error) {
    throw wrong(name, error);
  } finally {
    await client.end();
  }
}

/** What the database says may quote cells: its code alone is told. */
function wrong(name: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { code } = error as { code?: string };
  return malformed(
    name,
    `the query fails (${code ?? 'unknown reason'})`,
    'Try data.query with psql: one SELECT, no semicolon.',
  );
}
