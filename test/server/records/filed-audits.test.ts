import { createHash } from 'node:crypto';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditReport } from '../../support/audit-report.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

let coordinator: TestCoordinator;
let job: string;
let viewer: string;
let claim: { epsilon: number; delta: number };
let leave: () => void;

beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  const clients = await coordinator.join(5);
  leave = () => clients.forEach((client) => client.leave());
  const { json } = await coordinator.ask('submitJob', { body: { job: QUICK_JOB } });
  job = (json as { job: string }).job;
  const shown = await eventually(async () => {
    const { json: now } = await coordinator.ask('showJob', { named: job });
    const found = now as { status: string; announced: { privacy: typeof claim } };
    return found.status === 'finished' ? found : undefined;
  });
  const { epsilon, delta } = shown.announced.privacy;
  claim = { epsilon, delta };
  const added = await coordinator.ask('addOperator', { body: { name: 'reader', role: 'viewer' } });
  viewer = (added.json as { token: string }).token;
});
afterAll(async () => {
  leave();
  await coordinator.dispose();
});

const file = (audit: string) => coordinator.ask('fileAudit', { named: job, body: { audit } });

describe('the statement of a job', () => {
  it('is there for whoever may look, in figures and in words, and says that nobody audited it', async () => {
    const { json } = await coordinator.ask('statement', { named: job, token: viewer });
    expect(json).toMatchObject({ format: 'tutti-privacy-statement-v1', claim: 'differential-privacy' });
    expect(JSON.stringify(json)).toContain('no audit was made');
    const text = await fetch(`${coordinator.url}/api/jobs/${job}/statement.md`, {
      headers: { authorization: `Bearer ${viewer}` },
    });
    expect(await text.text()).toContain('Neighbouring relation');
  });

  it('is not there before the job has begun', async () => {
    const waiting = QUICK_JOB.replace('quick', 'waiting').replace('minimum: 5', 'minimum: 9');
    const { json } = await coordinator.ask('submitJob', { body: { job: waiting } });
    const named = (json as { job?: string }).job;
    if (named === undefined) throw new Error(JSON.stringify(json));
    expect(await coordinator.ask('statement', { named })).toMatchObject({
      status: 404,
      json: { code: 'job.no-statement' },
    });
  });
});

describe('an audit that is filed', () => {
  it('stands in the statement, in the log of acts and in the archive, byte for byte, with its name', async () => {
    const audit = auditReport('quick', claim);
    const report = createHash('sha256').update(audit).digest('hex');
    const filed = await file(audit);
    expect(filed).toMatchObject({ status: 200, json: { report, filedBy: 'admin' } });
    expect(JSON.stringify(filed.json)).toContain('This does not prove the claim');
    const { json: listed } = await coordinator.ask('listAudits', { named: job, token: viewer });
    expect(listed).toEqual([filed.json]);
    const { json: statement } = await coordinator.ask('statement', { named: job });
    expect(JSON.stringify(statement)).toContain('92 of 160 guesses right');
    const artifact = await fetch(`${coordinator.url}/artifacts/${report}`);
    expect(await artifact.text()).toBe(audit);
    const archive = await fetch(`${coordinator.url}/api/records`, {
      headers: { authorization: `Bearer ${coordinator.token}` },
    });
    const files = unzipSync(new Uint8Array(await archive.arrayBuffer()));
    const name = `jobs/${job.slice(0, 12)}/audits/${report.slice(0, 12)}.json`;
    expect(new TextDecoder().decode(files[name])).toBe(audit);
    expect(new TextDecoder().decode(files['audit.jsonl'])).toContain('audit.file');
    // Filed twice, it is there once.
    await file(audit);
    expect((await coordinator.ask('listAudits', { named: job })).json).toHaveLength(1);
  });

  it('is kept where it refutes the claim, and says so', async () => {
    const refuted = auditReport('quick', claim, {
      epsilonLower: claim.epsilon + 1,
      passed: false,
      correct: 160,
    });
    expect(JSON.stringify((await file(refuted)).json)).toContain('is false');
  });

  it('does not hide behind itself one that was filed before and refutes the claim', async () => {
    const harmless = auditReport('quick', claim, { correct: 81 });
    expect(await file(harmless)).toMatchObject({ status: 200, json: { verdict: { passed: true } } });
    const statement = JSON.stringify((await coordinator.ask('statement', { named: job })).json);
    expect(statement).toContain('160 of 160 guesses right');
    expect(statement).not.toContain('81 of 160');
  });

  it.each<[string, string, () => string]>([
    ['audit.malformed', 'is no JSON', () => 'not json at all'],
    ['audit.malformed', 'lacks a name', () => '{"oneRun":{}}'],
    [
      'audit.no-verdict',
      'holds attacks alone',
      () => auditReport('quick', claim).replace('"oneRun"', '"another"'),
    ],
    ['audit.other-job', 'is of another job', () => auditReport('slow', claim)],
    ['audit.other-unit', 'is of another unit', () => auditReport('quick', claim, { unit: 'example' })],
    [
      'audit.other-claim',
      'tests another ε',
      () => auditReport('quick', { ...claim, epsilon: claim.epsilon / 2 }),
    ],
    [
      'audit.other-claim',
      'tests another δ',
      () => auditReport('quick', { ...claim, delta: claim.delta / 3 }),
    ],
    ['audit.less-noise', 'took noise off', () => auditReport('quick', claim, { noise: 0.5 })],
    ['audit.contradiction', 'says both', () => auditReport('quick', claim, { passed: false })],
    [
      'audit.contradiction',
      'guesses more than there are',
      () => auditReport('quick', claim, { guesses: 300 }),
    ],
    ['audit.malformed', 'has figures that are none', () => auditReport('quick', claim, { correct: -1 })],
  ])('is refused as %s where it %s', async (code, _what, audit) => {
    const before = (await coordinator.ask('listAudits', { named: job })).json;
    expect(await file(audit())).toMatchObject({ status: 400, json: { code } });
    expect((await coordinator.ask('listAudits', { named: job })).json).toEqual(before);
  });

  it('is refused to whoever may only look, and where it is too long', async () => {
    const body = { audit: auditReport('quick', claim) };
    expect((await coordinator.ask('fileAudit', { named: job, token: viewer, body })).status).toBe(403);
    expect((await file('x'.repeat(1_000_001))).status).toBe(400);
  });
});
