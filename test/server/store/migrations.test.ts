import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { Pool } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptLedger, openSqliteStore, openStore, type Store } from '@tutti/server';
import { primitives } from '@tutti/shared/crypto/primitives';
import { describeWithPostgres } from '../../support/postgres.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { JOB, stateOf } from './contract.js';

const CLIENT = 'c'.repeat(64);
/** Schema versions of which a store, with rows in it, is kept in `fixtures`. Every version that was ever written is here. */
const VERSIONS = [1, 2, 3, 4, 5];

/** A store as that version wrote it, in SQL that both engines read. */
const fixture = (version: number) =>
  readFile(new URL(`fixtures/schema-${version}.sql`, import.meta.url), 'utf8');

async function expectWhole(store: Store): Promise<void> {
  onTestFinished(() => store.close());
  const ledger = await KeptLedger.open(store, primitives, () => 0);
  expect(ledger.of(JOB).map(({ event }) => event.kind)).toEqual([
    'job-opened',
    'round-debited',
    'round-completed',
  ]);
  expect(await store.jobs.state(JOB)).toEqual(stateOf(1));
  expect((await store.rounds.of(JOB)).map(({ round }) => round)).toEqual([1]);
  expect(await store.ledger.participations(CLIENT)).toEqual([{ client: CLIENT, job: JOB, rounds: 1 }]);
  const again = { ...ledger.of(JOB)[1]!.event, kind: 'round-debited' } as Parameters<KeptLedger['append']>[1];
  await expect(ledger.append(JOB, again)).rejects.toMatchObject({ code: 'ledger.debited-twice' });
  await ledger.append(JOB, { kind: 'job-closed', reason: 'rounds' });
}

describe('a store of a former version', () => {
  it.each(VERSIONS)('is brought up to date from version %i, embedded', async (version) => {
    const path = join(await temporaryDirectory(), 'store.db');
    const database = new Database(path);
    database.exec(await fixture(version));
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
    await expectWhole(await openSqliteStore(path));
  });
});

describeWithPostgres('a store of a former version, on PostgreSQL', (server) => {
  it.each(VERSIONS)('is brought up to date from version %i', async (version) => {
    const url = await server().database();
    const pool = new Pool({ connectionString: url });
    await pool.query(await fixture(version));
    await pool.query(`CREATE TABLE schema_version (version INTEGER NOT NULL);
      INSERT INTO schema_version VALUES (${version})`);
    await pool.end();
    await expectWhole(await openStore(url));
  });
});
