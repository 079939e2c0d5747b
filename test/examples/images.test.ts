import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { JobInput } from '@tutti/shared/protocol';
import { parse } from 'yaml';
import { makeClient, OPEN_POLICY, runClient } from '../support/client.js';
import { startCoordinator } from '../support/coordinator.js';
import { temporaryDirectory } from '../support/temporary.js';

const SITES = 6;

it('the example of folders of images trains on what it makes', async () => {
  const folder = await temporaryDirectory();
  const made = ['examples/images/make-images.js', folder, String(SITES)];
  const { stdout } = await promisify(execFile)(process.execPath, made);
  expect(stdout).toContain('1797 images of 6 sites');
  const coordinator = await startCoordinator();
  const clients = await Promise.all(
    Array.from({ length: SITES }, async (_, site) =>
      runClient(
        await makeClient(coordinator.keys, coordinator.url, {
          data: { source: join(folder, `site-${site}`) },
          policy: OPEN_POLICY,
          training: { backend: 'wasm', process: 'same', nice: 0 },
        }),
      ),
    ),
  );
  await coordinator.welcomed(SITES);
  const job = parse(await readFile('examples/images/job.yaml', 'utf8')) as JobInput;
  const record = await (await coordinator.openJob(job)).attempt();
  expect(record, JSON.stringify(clients.map(({ events }) => events.at(-1)))).toMatchObject({
    outcome: 'completed',
    survivors: SITES,
  });
  const emptied = clients.flatMap(({ events }) => events.filter(({ kind }) => kind === 'emptied'));
  expect(emptied).toEqual([]);
});
