import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import { isPostgres, openSqliteStore, openStore, STORE_FILE } from '../store/open-store.js';

/**
 * The entries of a privacy ledger, wherever it is kept: unchecked, for whoever verifies them.
 *
 * @param location - of a store, `postgres://…` or a folder, its own or that of the coordinator whose it is; or of a file with one entry a line, as
 * `ledger.jsonl` of a run
 * @throws {Refusal} `ledger.not-found`, `ledger.unreadable`, and what opening the store refuses
 */
export async function readLedger(location: string): Promise<readonly unknown[]> {
  if (isPostgres(location)) return entriesOf(openStore(location));
  const found = await stat(location).catch(() => undefined);
  if (found?.isFile() === true) return ledgerFromJsonLines(await readFile(location, 'utf8'));
  // Opening a store makes one where there is none: nothing is to be made here.
  for (const database of [join(location, STORE_FILE), join(location, 'store', STORE_FILE)]) {
    const file = await stat(database).catch(() => undefined);
    if (file !== undefined) return entriesOf(openSqliteStore(database));
  }
  throw new Refusal(
    'ledger.not-found',
    `There is no ledger at ${location}.`,
    'Name the folder of a store, its postgres:// address, or a file with one entry a line; or the address of a coordinator that runs.',
  );
}

/**
 * The entries of a ledger that is one entry a line.
 * @throws {Refusal} `ledger.unreadable`
 */
export function ledgerFromJsonLines(text: string): readonly unknown[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      throw new Refusal('ledger.unreadable', `Line ${index + 1} is not JSON.`, 'Export the ledger again.');
    }
  });
}

async function entriesOf(opening: ReturnType<typeof openStore>): Promise<readonly unknown[]> {
  const store = await opening;
  try {
    return await store.ledger.entries();
  } finally {
    await store.close();
  }
}
