import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ClientStore, spentBy } from '@tutti/client/daemon';
import type { JobInput } from '@tutti/shared/protocol';
import { makeClient, OPEN_POLICY, runClient } from '../../support/client.js';
import { startCoordinator } from '../../support/coordinator.js';

const job: JobInput = {
  name: 'silos',
  data: { scale: 1 },
  model: { inputs: 2, classes: 2 },
  training: { batchSize: 4 },
  rounds: 3,
  cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 },
  privacy: { unit: 'example', epsilon: 5, delta: 1e-2, batchRate: 0.4, steps: 3 },
};
const WASM = { backend: 'wasm', process: 'same', nice: 0 } as const;
const AGREED = { ...OPEN_POLICY, units: ['client' as const, 'example' as const] };

describe('a client that protects each of its rows', () => {
  it('takes part, and its own ledger says of each row what the coordinator’s says', async () => {
    const coordinator = await startCoordinator();
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () =>
        runClient(await makeClient(coordinator.keys, coordinator.url, { policy: AGREED, training: WASM })),
      ),
    );
    await coordinator.welcomed(6);
    const runner = await coordinator.openJob(job);
    for (let round = 1; round <= 3; round++) {
      const record = await runner.attempt();
      expect(record, JSON.stringify(record.reason)).toMatchObject({ outcome: 'completed', survivors: 6 });
    }
    expect(runner.stopped).toBe('rounds');
    const spent = runner.ledgerState.spent();
    expect(spent.coordinator).toBeGreaterThan(4.99);
    expect(spent.coordinator).toBeLessThanOrEqual(5);
    expect(runner.ledgerState.terms.unit).toBe('example');
    await Promise.all(clients.map((client) => client.close()));
    for (const { config } of clients) {
      const store = ClientStore.open(config.state);
      const { jobs, total, perExample, contributions } = await spentBy(store, 1e-2);
      store.close();
      expect(contributions).toBe(3);
      expect(jobs).toMatchObject([{ unit: 'example' }]);
      expect(jobs[0]?.spent.coordinator).toBeCloseTo(spent.coordinator, 9);
      expect(perExample.coordinator).toBeCloseTo(spent.coordinator, 9);
      expect(total.coordinator).toBe(0);
    }
  });

  it('leaves out rows that do not fit, each by itself, and tells its owner alone', async () => {
    const coordinator = await startCoordinator();
    const configs = await Promise.all(
      Array.from({ length: 6 }, () =>
        makeClient(coordinator.keys, coordinator.url, { policy: AGREED, training: WASM }),
      ),
    );
    // Of one client two rows have a class that the job does not know, of another all.
    await writeFile(configs[0]!.data.source, 'a,b,label\n0,1,0\n1,0,7\n1,1,1\n0,0,9\n');
    await writeFile(configs[1]!.data.source, 'a,b,label\n1,0,7\n0,0,9\n');
    const clients = await Promise.all(configs.map(runClient));
    await coordinator.welcomed(6);
    const record = await (await coordinator.openJob(job)).attempt();
    expect(record).toMatchObject({ outcome: 'completed', survivors: 6 });
    await Promise.all(clients.map((client) => client.close()));
    const noticed = configs.map(({ state }) => {
      const store = ClientStore.open(state);
      const notices = store.notices(5);
      store.close();
      return notices.map(({ code, message }) => `${code}: ${/^\d+/.exec(message)?.[0]}`);
    });
    expect(noticed).toEqual([['data.rows-left-out: 2'], ['data.rows-left-out: 2'], [], [], [], []]);
  });

  it('keeps out of such a job unless its owner agreed to it, and says why', async () => {
    const coordinator = await startCoordinator();
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () =>
        runClient(await makeClient(coordinator.keys, coordinator.url, { training: WASM })),
      ),
    );
    await coordinator.welcomed(6);
    const runner = await coordinator.openJob(job);
    expect(await runner.attempt()).toMatchObject({ outcome: 'aborted' });
    for (const client of clients)
      expect(await client.until('declined')).toMatchObject({ code: 'policy.unit' });
    expect(runner.ledgerState.spent().coordinator).toBe(0);
  });

  it('keeps its own limit where the job allows more', async () => {
    const coordinator = await startCoordinator();
    const frugal = {
      ...AGREED,
      epsilon: { job: { coordinator: 3.5 }, total: { coordinator: 1e5 } },
    };
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () =>
        runClient(await makeClient(coordinator.keys, coordinator.url, { policy: frugal, training: WASM })),
      ),
    );
    await coordinator.welcomed(6);
    const runner = await coordinator.openJob(job);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed' });
    expect(await runner.attempt()).toMatchObject({ outcome: 'aborted' });
    for (const client of clients)
      expect(await client.until('declined')).toMatchObject({ code: 'policy.budget' });
  });
});
