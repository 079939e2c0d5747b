import { expect, it } from 'vitest';
import type { ClientView, JobDetail, JobSummary } from '@tutti/server/api';
import { describeWithPostgres } from '../../support/postgres.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

const LONG_JOB = QUICK_JOB.replace('rounds: 2', 'rounds: 1000');
const ready = async ({ url }: TestCoordinator) => (await fetch(`${url}/ready`)).status;
const status = async (coordinator: TestCoordinator, job: string) =>
  (await coordinator.ask('showJob', { named: job })).json as JobSummary;
const submit = async (coordinator: TestCoordinator, name: string) => {
  const body = { job: LONG_JOB.replace('name: quick', `name: ${name}`) };
  return ((await coordinator.ask('submitJob', { body })).json as JobDetail).job;
};
/** Resolves once a job has made so many rounds more. */
const advances = async (coordinator: TestCoordinator, job: string, by = 2) => {
  const { rounds } = await status(coordinator, job);
  await eventually(async () =>
    (await status(coordinator, job)).rounds.completed >= rounds.completed + by ? true : undefined,
  );
};

describeWithPostgres('two coordinators on one store with one address', (server) => {
  it('serve one at a time: the other stands by, and takes over with everything where it was', async () => {
    const first = await TestCoordinator.start({
      store: await server().database(),
      url: 'http://coordinator.example',
    });
    const second = await first.beside();
    expect([await ready(first), await ready(second)]).toEqual([200, 503]);

    const clients = await first.join(6);
    // Operators may ask either.
    const job = await submit(second, 'quick');
    await advances(second, job);

    for (const client of clients) client.leave();
    await first.close();
    const before = await status(second, job);
    const began = performance.now();
    await eventually(async () => ((await ready(second)) === 200 ? true : undefined));
    await Promise.all(clients.map((client) => client.dial(second.url)));
    await eventually(async () =>
      (await status(second, job)).rounds.completed > before.rounds.completed ? true : undefined,
    );
    expect(performance.now() - began).toBeLessThan(10_000);
    await second.ask('stopJob', { named: job });
    for (const client of clients) client.leave();
    await second.dispose();
  });
});

describeWithPostgres('two coordinators on one store with an address each', (server) => {
  it('share the jobs, and their clients are connected to both', async () => {
    const first = await TestCoordinator.start({ store: await server().database(), lease: 1 });
    const clients = await first.join(6);
    const jobs = [await submit(first, 'one'), await submit(first, 'two')];
    await Promise.all(jobs.map((job) => advances(first, job)));
    const where = async (asked: TestCoordinator) =>
      (await Promise.all(jobs.map((job) => status(asked, job)))).map(({ coordinator }) => coordinator);
    expect(await where(first)).toEqual([first.url, first.url]);

    const second = await first.beside();
    expect([await ready(first), await ready(second)]).toEqual([200, 200]);
    await eventually(async () => ((await where(first)).includes(second.url) ? true : undefined));
    for (const client of clients)
      expect([...client.addresses].sort()).toEqual([first.url, second.url].sort());
    expect([...(await where(second))].sort()).toEqual([first.url, second.url].sort());
    await Promise.all(jobs.map((job) => advances(second, job)));

    // Whoever is left has all of them, and the clients need find nobody anew.
    await second.close();
    await eventually(async () => ((await where(first)).includes(second.url) ? undefined : true));
    await Promise.all(jobs.map((job) => advances(first, job)));
    for (const job of jobs) await first.ask('stopJob', { named: job });
    for (const client of clients) client.leave();
    await first.dispose();
  });

  it('shut a revoked client out of both, whichever was told', async () => {
    const first = await TestCoordinator.start({ store: await server().database(), lease: 1 });
    const second = await first.beside();
    const [client] = await second.join(1);
    await eventually(() => Promise.resolve(client!.addresses.length === 2 ? true : undefined));
    const connected = async (asked: TestCoordinator) => {
      const { json } = await asked.ask('listClients');
      return (json as readonly ClientView[])[0]?.connected;
    };
    await eventually(async () =>
      (await connected(first)) === true && (await connected(second)) === true ? true : undefined,
    );
    await first.ask('revokeClient', { named: client!.name, body: { why: 'a test' } });
    await eventually(async () => ((await connected(second)) === false ? true : undefined));
    client!.leave();
    await second.close();
    await first.dispose();
  });
});
