import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteStore, openStore, type Store } from '@tutti/server';
import { temporaryDirectory } from '../../support/temporary.js';
import type { LogLine } from '../../../packages/server/src/store/tables/round-log.js';
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

  it('takes more forms of a statement than it keeps prepared, and each of them again', async () => {
    const store = await opening(await newPath());
    const reference = { job: JOB, round: 1, attempt: 0 };
    const body = Uint8Array.of(1, 2, 3);
    const written: LogLine[] = [];
    for (const rows of [...Array.from({ length: 100 }, (_, index) => index + 1), 1, 2]) {
      const lines = Array.from({ length: rows }, (_, index) => ({
        line: written.length + index,
        header: { rows },
        body,
      }));
      await store.roundLog.append(reference, lines);
      written.push(...lines);
    }
    expect(await store.roundLog.lines(reference)).toEqual(written);
  });

  it('runs a statement again that was refused, in a transaction and after it', async () => {
    const store = await opening(await newPath());
    const reference = { job: JOB, round: 1, attempt: 0 };
    const line = { line: 0, header: {}, body: new Uint8Array(1) };
    await store.roundLog.append(reference, [line]);
    await expect(store.roundLog.append(reference, [line])).rejects.toThrow();
    await store.roundLog.append(reference, [{ ...line, line: 1 }]);
    expect(await store.roundLog.lines(reference)).toHaveLength(2);
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
