import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, openApi, type Endpoint, type EndpointName, type Role } from '@tutti/server/api';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { decodeInvitation, enrolmentMessage } from '@tutti/shared/protocol';
import { QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

let coordinator: TestCoordinator;
const tokens = new Map<Role, string>();

beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  tokens.set('privacy-officer', coordinator.token);
  for (const role of ['viewer', 'operator'] as const) {
    const { json } = await coordinator.ask('addOperator', { body: { name: role, role } });
    tokens.set(role, (json as { token: string }).token);
  }
});

afterAll(() => coordinator.dispose());

describe('the administration', () => {
  const endpoints = Object.entries<Endpoint>(ENDPOINTS) as [EndpointName, Endpoint][];
  const ranks: readonly Role[] = ['viewer', 'operator', 'privacy-officer'];
  const tooLow = endpoints.flatMap(([name, { role }]) =>
    ranks.slice(0, ranks.indexOf(role)).map((lower) => [name, lower] as const),
  );

  it.each(tooLow)('refuses %s to a %s', async (name, role) => {
    const answer = await coordinator.ask(name, { named: 'x', token: tokens.get(role)!, body: {} });
    expect(answer).toMatchObject({ status: 403, json: { code: 'operator.forbidden' } });
  });

  it.each(endpoints.map(([name]) => name))('refuses %s to whoever does not say who it is', async (name) => {
    for (const token of ['', 'x', 'A'.repeat(43), 'A'.repeat(20_000)]) {
      const answer = await coordinator.ask(name, { named: 'x', token });
      expect([401, 431]).toContain(answer.status);
    }
  });

  it('describes everything that it offers', async () => {
    const served = (await (await fetch(`${coordinator.url}/api/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    expect(served).toEqual(JSON.parse(JSON.stringify(openApi('0.0.0-test'))));
    const operations = Object.values(served.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(operations.sort()).toEqual(Object.keys(ENDPOINTS).sort());
  });

  it('takes a token away with its operator, and leaves the last privacy officer', async () => {
    const { json } = await coordinator.ask('addOperator', { body: { name: 'passing', role: 'viewer' } });
    const { token } = json as { token: string };
    expect((await coordinator.ask('listJobs', { token })).status).toBe(200);
    expect((await coordinator.ask('removeOperator', { named: 'passing' })).status).toBe(204);
    expect((await coordinator.ask('listJobs', { token })).status).toBe(401);
    expect(await coordinator.ask('removeOperator', { named: 'admin' })).toMatchObject({
      status: 409,
      json: { code: 'operator.last' },
    });
  });

  it.each([
    ['is not YAML', 'a: [', 'job.syntax'],
    ['has a wrong field', 'name: x\nmodel: { inputs: 0, classes: 2 }', 'job.invalid'],
    ['is a bomb of aliases', `a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b]`, 'job.syntax'],
    ['counts on nobody', QUICK_JOB, 'job.too-few-clients'],
    ['deals its clients out to shards', `${QUICK_JOB}\nerasure: { shards: 4 }\n`, 'job.shards'],
    [
      'has a model that the coordinator cannot draw',
      QUICK_JOB.replace('classes: 2 }', 'classes: 2, frozen: [hidden_1], hidden: [{ units: 3 }] }'),
      'job.model-missing',
      6,
    ],
  ])('refuses a job that %s', async (_what, job, code, population?: number) => {
    const answer = await coordinator.ask('submitJob', { body: { job, population } });
    expect(answer).toMatchObject({ status: 400, json: { code } });
  });

  it('takes a job before its clients, and the same job once', async () => {
    const body = { job: QUICK_JOB, population: 6 };
    expect(await coordinator.ask('submitJob', { body })).toMatchObject({
      status: 200,
      json: { name: 'quick', status: 'running' },
    });
    expect(await coordinator.ask('submitJob', { body })).toMatchObject({
      status: 409,
      json: { code: 'job.submitted-before' },
    });
    expect(await coordinator.ask('showJob', { named: 'nothing' })).toMatchObject({
      status: 404,
      json: { code: 'job.unknown' },
    });
  });

  it('writes down who did what, without any token', async () => {
    const { text } = await coordinator.ask('audit');
    const entries = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { sequence: number; actor: string; action: string });
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    expect(entries).toContainEqual(expect.objectContaining({ actor: 'init', action: 'operator.add' }));
    expect(entries).toContainEqual(expect.objectContaining({ actor: 'admin', action: 'job.submit' }));
    for (const token of tokens.values()) expect(text).not.toContain(token);
  });

  it.each(['3', '3.', '.0', '-1.0', '3.0.0', '3.x', `${'9'.repeat(10)}.0`])(
    'refuses to list rounds after %j, which is no attempt',
    async (after) => {
      const query = `?after=${encodeURIComponent(after)}`;
      expect(await coordinator.ask('listRounds', { named: 'x', query })).toMatchObject({
        status: 400,
        json: { code: 'web.malformed' },
      });
    },
  );

  it('refuses a request that is larger than any it takes', async () => {
    const much = 'x'.repeat(2_000_000);
    expect(await coordinator.ask('invite', { body: { much } })).toMatchObject({
      status: 413,
      json: { code: 'web.too-large' },
    });
    // A job may bring a model along; its own text may not be so long.
    expect(await coordinator.ask('submitJob', { body: { job: much } })).toMatchObject({
      status: 400,
      json: { code: 'web.malformed' },
    });
  });
});

describe('enrolment', () => {
  async function request(change: Record<string, string> = {}) {
    const { json } = await coordinator.ask('invite', { body: {} });
    const invitation = decodeInvitation((json as { invitations: string[] }).invitations[0]!);
    const identity = await createIdentity(primitives, systemRandom);
    const publicKey = toHex(identity.publicKey);
    const message = enrolmentMessage(invitation.coordinator, publicKey, invitation.token!);
    const signature = toHex(await primitives.sign(identity.secretKey, message));
    return { token: invitation.token!, identity: publicKey, signature, ...change };
  }
  const enrol = (body: unknown) =>
    fetch(`${coordinator.url}/enrolment`, { method: 'POST', body: JSON.stringify(body) });

  it('does not make one certificate after another for one token', async () => {
    const body = await request();
    const statuses: number[] = [];
    for (let time = 0; time < 6; time++) statuses.push((await enrol(body)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it('takes a token once, but from one identity twice: its answer may have been lost', async () => {
    const body = await request();
    expect((await enrol(body)).status).toBe(200);
    expect((await enrol(body)).status).toBe(200);
    const other = await request();
    const stolen = await createIdentity(primitives, systemRandom);
    const publicKey = toHex(stolen.publicKey);
    const { coordinator: key } = (await coordinator.ask('coordinator')).json as { coordinator: string };
    const message = enrolmentMessage(key, publicKey, body.token);
    const signature = toHex(await primitives.sign(stolen.secretKey, message));
    const refused = await enrol({ token: body.token, identity: publicKey, signature });
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      403,
      'enrolment.token',
    ]);
    expect((await enrol(other)).status).toBe(200);
  });

  it.each([
    ['a token that nobody made', { token: 'A'.repeat(43) }, 403],
    ['another’s signature', { signature: '0'.repeat(128) }, 403],
    ['no key', { identity: 'x' }, 400],
    ['anything more', { admin: 'true' }, 400],
  ])('refuses %s', async (_what, change, status) => {
    expect((await enrol(await request(change))).status).toBe(status);
  });
});
