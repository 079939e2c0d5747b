import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../../support/test-coordinator.js';

const COMMITMENT = 'd'.repeat(64);
/** Of its smallest cohort of 10, 4 may collude. */
const ROOMY = QUICK_JOB.replace('minimum: 5, maximum: 10', 'minimum: 10, maximum: 20').replace(
  'corruptFraction: 0',
  'corruptFraction: 0.4',
);

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

async function submit(job: string, name: string, paused = true): Promise<string> {
  const body = { job: job.replace('name: quick', `name: ${name}`), population: 12, paused };
  const { json } = await coordinator.ask('submitJob', { body });
  const hash = (json as { job?: string }).job;
  if (hash === undefined) throw new Error(JSON.stringify(json));
  return hash;
}
const commit = (named: string, canaries = 4, token = coordinator.token) =>
  coordinator.ask('commitCanaries', { named, body: { canaries, commitment: COMMITMENT }, token });
const kinds = async (job: string) =>
  (await coordinator.ask('jobLedger', { named: job })).text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { event: { kind: string } }).event.kind);
const status = async (job: string) =>
  ((await coordinator.ask('showJob', { named: job })).json as { status: string }).status;

describe('a job that is submitted paused', () => {
  it('makes no round, though its clients are there, before it is resumed', async () => {
    const job = await submit(QUICK_JOB, 'waits');
    expect(await status(job)).toBe('paused');
    expect(await kinds(job)).toEqual([]);
    await coordinator.ask('resumeJob', { named: job });
    await eventually(async () => ((await status(job)) === 'finished' ? true : undefined));
    expect(await kinds(job)).toContain('round-completed');
  });

  it('ends without a round where it is stopped', async () => {
    const job = await submit(QUICK_JOB, 'stops');
    await coordinator.ask('stopJob', { named: job });
    await eventually(async () => ((await kinds(job)).includes('job-closed') ? true : undefined));
    expect(await kinds(job)).toEqual(['job-opened', 'job-closed']);
  });
});

describe('a commitment to canaries', () => {
  it('is in the ledger before the first round, and in the log of acts', async () => {
    const job = await submit(ROOMY, 'audited');
    const { json, status: code } = await commit(job);
    expect([code, json]).toMatchObject([200, { job, canaries: 4, commitment: COMMITMENT }]);
    expect(await kinds(job)).toEqual(['job-opened', 'canaries-committed']);
    expect(await status(job)).toBe('paused');
    const logged = (await coordinator.ask('audit')).text.split('\n').filter((line) => line.includes(job));
    expect(logged.at(-1)).toContain('canaries.commit');
    expect(logged.at(-1)).toContain(COMMITMENT);
    expect((await coordinator.ask('statementText', { named: job })).text).toContain(
      '4 clients of the operator’s own',
    );
  });

  it('may come while the job waits for its clients', async () => {
    const job = await submit(ROOMY, 'waiting', false);
    await eventually(async () => ((await kinds(job)).includes('job-opened') ? true : undefined));
    expect((await commit(job, 2)).status).toBe(200);
  });

  it('stands when the coordinator is started again, and the job goes on', async () => {
    const job = await submit(QUICK_JOB.replace('corruptFraction: 0', 'corruptFraction: 0.4'), 'restarted');
    expect((await commit(job, 2)).status).toBe(200);
    await coordinator.close();
    await coordinator.restart();
    await coordinator.ask('resumeJob', { named: job });
    await eventually(async () => ((await status(job)) === 'finished' ? true : undefined));
    expect((await kinds(job)).slice(0, 3)).toEqual(['job-opened', 'canaries-committed', 'round-debited']);
  });

  it('is refused the second time', async () => {
    const job = await submit(ROOMY, 'twice');
    await commit(job, 2);
    expect(await commit(job, 3)).toMatchObject({ status: 409, json: { code: 'canaries.committed' } });
  });

  it('is refused once a round was charged, and once the job is over', async () => {
    const job = await submit(QUICK_JOB.replace('corruptFraction: 0', 'corruptFraction: 0.4'), 'begun', false);
    await eventually(async () => ((await kinds(job)).includes('round-debited') ? true : undefined));
    const code = ((await commit(job, 2)).json as { code: string }).code;
    expect(['canaries.begun', 'canaries.not-open']).toContain(code);
    await eventually(async () => ((await status(job)) === 'finished' ? true : undefined));
    expect((await commit(job, 2)).json).toMatchObject({ code: 'canaries.not-open' });
    expect(await kinds(job)).not.toContain('canaries-committed');
  });

  it.each<[string, string, string, number]>([
    ['canaries.too-many', 'more than the smallest cohort tolerates', ROOMY, 5],
    [
      'canaries.too-many',
      'more than the model has weights',
      ROOMY.replace('minimum: 10, maximum: 20', 'minimum: 60, maximum: 80'),
      11,
    ],
    [
      'canaries.unit',
      'where examples are protected',
      ROOMY.replace('training: { backend: arrays }\n', '').replace(
        'epsilon: 50',
        'unit: example, epsilon: 50',
      ),
      2,
    ],
    [
      'job.kind',
      'where the job counts',
      'kind: statistics\nname: quick\nstatistics: { columns: [{ name: age, lower: 0, upper: 100 }] }\ncohort: { samplingRate: 1, minimum: 10, maximum: 20, corruptFraction: 0.4 }\nprivacy: { epsilon: 9 }\n',
      2,
    ],
  ])('is refused as %s %s', async (code, what, job, canaries) => {
    const named = await submit(job, what.replaceAll(/\W/g, '-'));
    expect((await commit(named, canaries)).json).toMatchObject({ code });
    expect(await kinds(named)).not.toContain('canaries-committed');
  });

  it('is refused to whoever may only look, and where it is none', async () => {
    const job = await submit(ROOMY, 'refused');
    const added = await coordinator.ask('addOperator', { body: { name: 'looker', role: 'viewer' } });
    expect((await commit(job, 2, (added.json as { token: string }).token)).status).toBe(403);
    for (const body of [
      { canaries: 1, commitment: COMMITMENT },
      { canaries: 2, commitment: 'coins' },
      { canaries: 501, commitment: COMMITMENT },
      { canaries: 2 },
    ])
      expect((await coordinator.ask('commitCanaries', { named: job, body })).status).toBe(400);
    expect((await commit('f'.repeat(64))).json).toMatchObject({ code: 'job.unknown' });
  });
});

describe('a job that counts on an audit before its release', () => {
  it('is refused: its models are out before anybody could audit it', async () => {
    const body = { job: `${QUICK_JOB}audit: { required: true }\n`, population: 12 };
    expect(await coordinator.ask('submitJob', { body })).toMatchObject({
      status: 400,
      json: { code: 'job.audit-required' },
    });
  });
});
