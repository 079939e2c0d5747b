import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openPostgres } from './engines/postgres.js';
import { openSqlite } from './engines/sqlite.js';
import { Store } from './store.js';

/** The embedded store's file within its directory. */
export const STORE_FILE = 'coordinator.db';

/** Whether a store's location is the address of a PostgreSQL database; otherwise it is a directory. */
export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Opens a store, brings its schema up to this version, and makes it where there is none.
 *
 * @param location - `postgres://…`, or a directory for the embedded engine
 * @throws {Refusal} `store.in-use`, `store.newer`
 * @throws {TuttiError} `store.unavailable`
 */
export async function openStore(location: string): Promise<Store> {
  if (isPostgres(location)) return new Store(await openPostgres(location));
  await mkdir(location, { recursive: true });
  return openSqliteStore(join(location, STORE_FILE));
}

/** Opens the embedded store in one file. */
export async function openSqliteStore(path: string): Promise<Store> {
  return new Store(await openSqlite(path));
}
