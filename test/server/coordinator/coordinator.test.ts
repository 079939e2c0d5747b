import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobResult, JobSummary } from '@tutti/server/api';
import { primitives } from '@tutti/shared/crypto/primitives';
import { toHex } from '@tutti/shared/crypto';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../../support/test-coordinator.js';

let coordinator: TestCoordinator;
let clients: readonly TestClient[];

beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  clients = await coordinator.join(6);
});

afterAll(async () => {
  for (const client of clients) client.leave();
  await coordinator.dispose();
});

const submit = (job: string) => coordinator.ask('submitJob', { body: { job } });
const status = async (job: string) => (await coordinator.ask('showJob', { named: job })).json as JobSummary;
const finished = (job: string) =>
  eventually(async () => {
    const found = await status(job);
    return found.status === 'finished' ? found : undefined;
  });

describe('a coordinator', () => {
  it('runs two jobs at once to their ends, and hands out what was learned', async () => {
    const [first, second] = await Promise.all([
      submit(QUICK_JOB),
      submit(QUICK_JOB.replace('name: quick', 'name: second')),
    ]);
    const { job } = first.json as JobDetail;
    const done = await finished(job);
    await finished((second.json as JobDetail).job);
    expect(done).toMatchObject({ name: 'quick', rounds: { completed: 2, planned: 2 }, reason: 'rounds' });
    expect(done.epsilon.releasedModel).toBeGreaterThan(0);

    const { json } = await coordinator.ask('jobResult', { named: 'quick' });
    const { model, url, parameters } = json as JobResult;
    const bytes = new Uint8Array(await (await fetch(`${coordinator.url}${url}`)).arrayBuffer());
    expect(bytes.length).toBe(4 * parameters);
    expect(toHex(primitives.sha256(bytes))).toBe(model);

    const ledger = (await coordinator.ask('jobLedger', { named: job })).text.trimEnd().split('\n');
    const kinds = ledger.map((line) => (JSON.parse(line) as { event: { kind: string } }).event.kind);
    expect(kinds).toEqual([
      'job-opened',
      'round-debited',
      'round-completed',
      'round-debited',
      'round-completed',
      'job-closed',
    ]);
  });

  it('pauses, resumes and stops a job', async () => {
    const long = QUICK_JOB.replace('rounds: 2', 'rounds: 1000').replace('name: quick', 'name: long');
    const { job } = (await submit(long)).json as JobDetail;
    await eventually(async () => ((await status(job)).rounds.completed > 0 ? true : undefined));
    expect((await coordinator.ask('pauseJob', { named: job })).json).toMatchObject({ status: 'paused' });
    const paused = await eventually(async () => {
      const found = await status(job);
      return found.owner === null ? found : undefined;
    });
    expect((await coordinator.ask('resumeJob', { named: job })).json).toMatchObject({ status: 'running' });
    await eventually(async () =>
      (await status(job)).rounds.completed > paused.rounds.completed ? true : undefined,
    );
    await coordinator.ask('stopJob', { named: job });
    const ended = await eventually(async () => {
      const { text } = await coordinator.ask('jobLedger', { named: job });
      return text.includes('job-closed') ? text : undefined;
    });
    expect(ended).toContain('"reason":"stopped"');
    const again = await coordinator.ask('resumeJob', { named: job });
    expect(again).toMatchObject({ status: 409, json: { code: 'job.ended' } });
  });

  it('goes on after a restart where it stood, with the clients that dial again', async () => {
    const long = QUICK_JOB.replace('rounds: 2', 'rounds: 1000').replace('name: quick', 'name: lasting');
    const { job } = (await submit(long)).json as JobDetail;
    await eventually(async () => ((await status(job)).rounds.completed > 0 ? true : undefined));
    for (const client of clients) client.leave();
    await coordinator.close();
    await coordinator.restart();
    const before = await eventually(async () => {
      const found = await status(job);
      return found.reason === null ? undefined : found;
    });
    expect(before).toMatchObject({ status: 'running', reason: 'waiting for clients: 0 of 5 are connected' });
    await Promise.all(clients.map((client) => client.dial(coordinator.url)));
    await eventually(async () =>
      (await status(job)).rounds.completed > before.rounds.completed ? true : undefined,
    );
    await coordinator.ask('stopJob', { named: job });
  });

  it('shuts a client out, closes its connection, and takes it back no more', async () => {
    const [client] = await coordinator.join(1);
    const body = { why: 'test' };
    const revoked = await coordinator.ask('revokeClient', { named: client!.name, body });
    expect(revoked).toMatchObject({ status: 200, json: { connected: false, revoked: { why: 'test' } } });
    client!.leave();
    await client!.dial(coordinator.url);
    expect(client!.events.at(-1)).toMatchObject({ kind: 'refused', code: 'client.revoked' });
    client!.leave();
  });
});
