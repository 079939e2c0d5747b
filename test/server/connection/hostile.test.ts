import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobSummary } from '@tutti/server/api';
import { HostileTraffic } from '../../support/hostile-traffic.js';
import { seededRandom } from '../../support/seeded-random.js';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../../support/test-coordinator.js';

const MEGABYTE = 2 ** 20;
/** More are thrown on request: TUTTI_HOSTILE_MEGABYTES=50. */
const MEGABYTES = Number(process.env['TUTTI_HOSTILE_MEGABYTES'] ?? 4);
/** Bytes in buffers that are still held by something. */
function kept(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

let coordinator: TestCoordinator;
let clients: readonly TestClient[];

beforeAll(async () => {
  const plenty = { perSecond: 1e4, burst: 1e5 };
  coordinator = await TestCoordinator.start({ limits: { connecting: plenty, requests: plenty } });
  clients = await coordinator.join(6);
});

afterAll(async () => {
  for (const client of clients) client.leave();
  await coordinator.dispose();
});

const finish = (job: string) =>
  eventually(async () => {
    const { json } = await coordinator.ask('showJob', { named: job });
    return (json as JobSummary).status === 'finished' ? (json as JobSummary) : undefined;
  });

describe('a coordinator under hostile traffic', () => {
  it('goes on with its rounds, and keeps nothing of it', async () => {
    const job = QUICK_JOB.replace('rounds: 2', 'rounds: 5');
    const [hostile] = await coordinator.join(1);
    hostile!.leave();
    const traffic = new HostileTraffic(seededRandom('hostile'), coordinator.url, (nonce) =>
      hostile!.greeting(nonce),
    );
    await traffic.run(MEGABYTE);
    const before = kept();
    const submitted = await coordinator.ask('submitJob', { body: { job } });
    const [done] = await Promise.all([
      finish((submitted.json as JobDetail).job),
      traffic.run(MEGABYTES * MEGABYTE),
    ]);
    expect(done).toMatchObject({ rounds: { completed: 5 } });
    expect(traffic.sent).toBeGreaterThan(MEGABYTES * MEGABYTE);
    expect((await fetch(`${coordinator.url}/ready`)).status).toBe(200);
    expect(kept() - before).toBeLessThan(4 * MEGABYTE);
    const metrics = await fetch(`${coordinator.url}/metrics`, {
      headers: { authorization: `Bearer ${coordinator.token}` },
    });
    expect(await metrics.text()).toMatch(/tutti_refusals_total\{code="wire.malformed"\} [1-9]/);
  });

  it('takes no more connections from one address than it may', async () => {
    const limited = await TestCoordinator.start({ limits: { connectionsPerAddress: 2 } });
    const open = () =>
      new Promise<boolean>((resolve) => {
        const socket = io(limited.url, {
          path: '/federation',
          transports: ['websocket'],
          forceNew: true,
          reconnection: false,
        });
        sockets.push(socket);
        socket.on('connect', () => resolve(true));
        socket.on('connect_error', () => resolve(false));
      });
    const sockets: { close(): void }[] = [];
    expect([await open(), await open(), await open()]).toEqual([true, true, false]);
    sockets[0]?.close();
    await eventually(async () => ((await open()) ? true : undefined));
    for (const socket of sockets) socket.close();
    await limited.dispose();
  });
});
