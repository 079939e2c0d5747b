import { describe, expect, it } from 'vitest';
import { ClientStore, spentBy } from '@tutti/client/daemon';
import { toHex } from '@tutti/shared/crypto';
import type { JobInput } from '@tutti/shared/protocol';
import { makeClient, OPEN_POLICY, runClient } from '../../support/client.js';
import { makeKeys, startCoordinator } from '../../support/coordinator.js';
import { startCuttingProxy } from '../../support/cutting-proxy.js';

const job = (name: string): JobInput => ({
  name,
  data: { scale: 1 },
  model: { inputs: 2, classes: 2 },
  rounds: 3,
  cohort: { samplingRate: 1, minimum: 5, maximum: 6, survivorFraction: 0.8, corruptFraction: 0 },
  privacy: { epsilon: 1000, delta: 1e-3, noiseMultiplier: 1 },
});

describe('a client that runs next to its data', () => {
  it('takes part in rounds of two jobs at once, and its own ledger says what the coordinator’s says', async () => {
    const coordinator = await startCoordinator();
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () => runClient(await makeClient(coordinator.keys, coordinator.url))),
    );
    await coordinator.welcomed(6);
    const [one, other] = await Promise.all([
      coordinator.openJob(job('one')),
      coordinator.openJob(job('other')),
    ]);
    for (let round = 1; round <= 2; round++) {
      const records = await Promise.all([one.attempt(), other.attempt()]);
      const why = [...records.map(({ reason }) => reason), clients.map(({ events }) => events.slice(-6))];
      expect(records, JSON.stringify(why)).toMatchObject([
        { outcome: 'completed', survivors: 6 },
        { outcome: 'completed', survivors: 6 },
      ]);
    }
    await Promise.all(clients.map((client) => client.close()));
    for (const { config } of clients) {
      const store = ClientStore.open(config.state);
      const { jobs, contributions } = await spentBy(store, 1e-3);
      store.close();
      expect(contributions).toBe(4);
      for (const runner of [one, other]) {
        const own = jobs.find(({ job: hash }) => hash === runner.jobHash);
        const spent = runner.ledgerState.spent();
        expect(own?.spent.coordinator).toBeCloseTo(spent.coordinator, 9);
        expect(own?.spent['released-model']).toBeCloseTo(spent.releasedModel, 9);
      }
    }
  });

  it('never joins one round twice, though it was restarted in between', async () => {
    const keys = await makeKeys();
    const first = await startCoordinator({ keys });
    const configs = await Promise.all(Array.from({ length: 6 }, () => makeClient(keys, first.url)));
    const clients = await Promise.all(configs.map(runClient));
    await first.welcomed(6);
    expect(await (await first.openJob(job('job'))).attempt()).toMatchObject({ outcome: 'completed' });
    await Promise.all(clients.map((client) => client.close()));
    await first.close();

    // A coordinator that has forgotten everything begins the same job, with the same model and numbers, once more.
    const second = await startCoordinator({ keys, port: first.port });
    const again = await Promise.all(configs.map(runClient));
    await second.welcomed(6);
    expect(await (await second.openJob(job('job'))).attempt()).toMatchObject({ outcome: 'aborted' });
    for (const client of again) {
      expect(await client.until('left')).toMatchObject({ code: 'secagg.policy.roundNumber' });
    }
  });

  it('sends the rest of a vector that was cut off, over its next connection', async () => {
    const coordinator = await startCoordinator();
    const proxy = await startCuttingProxy(coordinator.port, 700_000);
    const clients = await Promise.all(
      Array.from({ length: 6 }, async (_, index) =>
        runClient(await makeClient(coordinator.keys, index === 0 ? proxy.url : coordinator.url)),
      ),
    );
    await coordinator.welcomed(6);
    const large = {
      ...job('large'),
      model: { inputs: 2, classes: 2, hidden: [{ units: 700 }, { units: 700 }] },
    };
    const runner = await coordinator.openJob(large, 20_000, 20_000);
    const vector = (runner.plan.paddedDimension * runner.plan.laneBits) / 8;
    expect(vector).toBeGreaterThan(900_000);
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed', survivors: 6 });
    const { passed } = proxy.counts();
    // The model is fetched through it as well, over connections of its own, by requests of a few hundred bytes.
    expect(passed).toBeGreaterThan(vector);
    expect(passed).toBeLessThan(1.4 * vector);
    expect(clients[0]!.events.map(({ kind }) => kind)).toContain('lost');
  });

  it('is the only one on its state', async () => {
    const coordinator = await startCoordinator();
    const config = await makeClient(coordinator.keys, coordinator.url);
    await runClient(config);
    await expect(runClient(config)).rejects.toMatchObject({ code: 'client.running' });
  });

  it('waits for the approval of a person, and takes it from another process', async () => {
    const coordinator = await startCoordinator();
    const asking = { policy: { ...OPEN_POLICY, approval: 'each-job' as const } };
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () =>
        runClient(await makeClient(coordinator.keys, coordinator.url, asking)),
      ),
    );
    await coordinator.welcomed(6);
    const runner = await coordinator.openJob(job('new'));
    expect(await runner.attempt()).toMatchObject({ outcome: 'aborted' });
    for (const { config } of clients) {
      const outside = ClientStore.open(config.state);
      expect(outside.jobs()).toMatchObject([{ name: 'new', approval: 'pending', job: runner.jobHash }]);
      expect(outside.notices(1)).toMatchObject([{ code: 'policy.approval-pending' }]);
      outside.decide('new', 'approved', Date.now());
      outside.close();
    }
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed' });
  });

  it('does not speak to a coordinator that has another key, and dials again later', async () => {
    const keys = await makeKeys();
    const impostor = await startCoordinator({ keys: { ...(await makeKeys()), authority: keys.authority } });
    const client = await runClient(await makeClient(keys, impostor.url));
    expect(await client.until('refused')).toMatchObject({ code: 'session.other-coordinator' });
    expect((await client.until('waiting')).milliseconds).toBeGreaterThan(0);
    expect(impostor.registry.population).toEqual([]);
    expect(client.events.map(({ kind }) => kind)).not.toContain('welcomed');
  });

  it('comes back to a coordinator that was away', async () => {
    const keys = await makeKeys();
    const first = await startCoordinator({ keys });
    const client = await runClient(await makeClient(keys, first.url));
    await first.welcomed(1);
    await first.close();
    await client.until('waiting');
    const second = await startCoordinator({ keys, port: first.port });
    await second.welcomed(1);
    const [started] = client.events;
    expect(second.registry.population).toEqual([(started as { identity: string }).identity]);
  });

  it('does not begin without a certificate that its authority made for it', async () => {
    const coordinator = await startCoordinator();
    const other = await makeKeys();
    const config = await makeClient({ ...coordinator.keys, authority: other.authority }, coordinator.url);
    const pinned = {
      ...config,
      coordinator: { ...config.coordinator, authority: toHex(coordinator.keys.authority.publicKey) },
    };
    await expect(runClient(pinned)).rejects.toMatchObject({ code: 'certificate.signature' });
  });
});
