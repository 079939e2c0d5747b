import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteStore, openStore, type Store } from '@tutti/server';
import { temporaryDirectory } from '../../support/temporary.js';
import { chainOf, JOB, opened, recordOf, stateOf, storeContract } from './contract.js';

const newPath = async () => join(await temporaryDirectory(), 'store.db');

async function opening(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}

storeContract('embedded', async () => openSqliteStore(await newPath()));

describe('the embedded store', () => {
  it('gives back what was written, after it was closed and opened again', async () => {
    const directory = join(await temporaryDirectory(), 'made', 'for', 'it');
    const first = await openStore(directory);
    const [entry] = chainOf([opened]);
    await first.ledger.append(entry!);
    await first.jobs.setState(stateOf(1));
    await first.rounds.add(JOB, recordOf(1));
    await first.close();
    const second = await openStore(directory);
    onTestFinished(() => second.close());
    expect(await second.ledger.entries()).toEqual([entry]);
    expect(await second.jobs.state(JOB)).toEqual(stateOf(1));
    expect(await second.rounds.of(JOB)).toEqual([recordOf(1)]);
  });

  it('refuses a second opener, who could spend the same budget again', async () => {
    const path = await newPath();
    await opening(path);
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: 'store.in-use' });
  });

  it('refuses a store that a later version wrote', async () => {
    const path = await newPath();
    await (await openSqliteStore(path)).close();
    const database = new Database(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: 'store.newer' });
  });
});
