import { expect, it, onTestFinished } from 'vitest';
import { openStore } from '@tutti/server';
import { Pool } from 'pg';
import { describeWithPostgres } from '../../support/postgres.js';
import { chainOf, opened, storeContract } from './contract.js';

describeWithPostgres('on PostgreSQL', (server) => {
  storeContract('shared', async () => openStore(await server().database()));

  it('may be opened by several at once, who migrate it once', async () => {
    const url = await server().database();
    const stores = await Promise.all([openStore(url), openStore(url), openStore(url)]);
    onTestFinished(async () => {
      for (const store of stores) await store.close();
    });
    const [entry] = chainOf([opened]);
    await stores[0].ledger.append(entry!);
    expect(await stores[2].ledger.entries()).toEqual([entry]);
  });

  it('refuses a store that a later version wrote', async () => {
    const url = await server().database();
    await (await openStore(url)).close();
    const pool = new Pool({ connectionString: url });
    await pool.query('UPDATE schema_version SET version = 999');
    await pool.end();
    await expect(openStore(url)).rejects.toMatchObject({ code: 'store.newer' });
  });

  it('says that the store cannot be reached where no server listens', async () => {
    await expect(openStore('postgres://tutti@127.0.0.1:1/none')).rejects.toMatchObject({
      code: 'store.unavailable',
    });
  });
});
