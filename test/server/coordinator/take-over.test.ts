import { expect, it } from 'vitest';
import type { JobDetail, JobSummary } from '@tutti/server/api';
import { describeWithPostgres } from '../../support/postgres.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

describeWithPostgres('two coordinators on one store', (server) => {
  it('serve one at a time: the other stands by, and takes over with everything where it was', async () => {
    const first = await TestCoordinator.start({ store: await server().database() });
    const second = await first.beside();
    const ready = async ({ url }: TestCoordinator) => (await fetch(`${url}/ready`)).status;
    expect([await ready(first), await ready(second)]).toEqual([200, 503]);

    const clients = await first.join(6);
    const job = QUICK_JOB.replace('rounds: 2', 'rounds: 1000');
    // Operators may ask either.
    const { job: hash } = (await second.ask('submitJob', { body: { job } })).json as JobDetail;
    const status = async (coordinator: TestCoordinator) =>
      (await coordinator.ask('showJob', { named: hash })).json as JobSummary;
    await eventually(async () => ((await status(second)).rounds.completed > 1 ? true : undefined));

    for (const client of clients) client.leave();
    await first.close();
    const before = await status(second);
    const began = performance.now();
    await eventually(async () => ((await ready(second)) === 200 ? true : undefined));
    await Promise.all(clients.map((client) => client.dial(second.url)));
    await eventually(async () =>
      (await status(second)).rounds.completed > before.rounds.completed ? true : undefined,
    );
    expect(performance.now() - began).toBeLessThan(10_000);
    await second.ask('stopJob', { named: hash });
    for (const client of clients) client.leave();
    await second.dispose();
  });
});
