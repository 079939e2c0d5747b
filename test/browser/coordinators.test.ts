import { expect, it, onTestFinished } from 'vitest';
import type { ClientView } from '@tutti/server/api';
import { describeWithPostgres } from '../support/postgres.js';
import { eventually, type TestCoordinator } from '../support/test-coordinator.js';
import { chromium } from './chromium.js';
import { pageOnRows } from './page-on-rows.js';

const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;
const takePart = pageOnRows();

const connected = async (asked: TestCoordinator) => {
  const { json } = await asked.ask('listClients');
  return (json as readonly ClientView[]).filter((client) => client.connected).length;
};

describeWithPostgres('a page of one of two coordinators (needs Chromium)', (server) => {
  it.skipIf(chromium === undefined && !required)(
    'is connected to both, and reads what it needs from the one that is left',
    async () => {
      const store = await server().database();
      const { coordinator, page, errors } = await takePart({ others: 1, settings: { store, lease: 1 } });
      const other = await coordinator.beside();
      onTestFinished(() => other.close());
      await eventually(async () => ((await connected(other)) === 2 ? true : undefined));
      expect(await connected(coordinator)).toBe(2);
      const status = await page.evaluate(
        `fetch('${other.url}/revocations').then(({ status }) => status, () => 'kept from it')`,
      );
      expect(status).toBe(404);
      expect(errors.filter((error) => !error.includes('404'))).toEqual([]);
    },
  );
});
