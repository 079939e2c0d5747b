import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { coordinatorSettingsSchema, openStorage } from '@tutti/server';
import type { JobDetail, JobResult, JobSummary } from '@tutti/server/api';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { TestBucket } from '../../support/bucket.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

const keys = { authority: 'a'.repeat(64), group: 'b'.repeat(64) };
const settingsOf = (storage: Record<string, unknown>) =>
  coordinatorSettingsSchema.parse({ keys, storage: { bucket: 'models', ...storage } }).storage;

describe('object storage in a coordinator’s settings', () => {
  it.each([
    ['http://storage.example.org', { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }, 'storage.no-tls'],
    ['https://storage.example.org', { AWS_ACCESS_KEY_ID: 'a' }, 'storage.no-credentials'],
    ['https://storage.example.org', {}, 'storage.no-credentials'],
  ])('at %s with %j is refused', async (endpoint, environment, code) => {
    const opening = openStorage(settingsOf({ endpoint }), 'nowhere', environment);
    await expect(opening).rejects.toMatchObject({ code });
  });

  it.each([
    { endpoint: 'ftp://storage.example.org' },
    { endpoint: 'https://storage.example.org', prefix: 'no-slash' },
    { endpoint: 'https://storage.example.org', prefix: '/tutti/' },
    { endpoint: 'https://storage.example.org', bucket: 'A/b' },
    { endpoint: 'https://storage.example.org', secret: 'in a file that is copied about' },
  ])('does not fit as %j', (storage) => {
    expect(() => settingsOf(storage)).toThrow();
  });

  it('is a folder where none is named', async () => {
    const directory = await temporaryDirectory();
    const storage = await openStorage(undefined, join(directory, 'files'), {});
    await storage.put({ name: 'artifacts/x', bytes: Uint8Array.of(1), sha256: '' });
    expect(await readdir(join(directory, 'files', 'artifacts'))).toEqual(['x']);
  });
});

describe('a coordinator with object storage', () => {
  let bucket: TestBucket;
  beforeEach(async () => {
    bucket = await TestBucket.start();
    vi.stubEnv('AWS_ACCESS_KEY_ID', bucket.credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', bucket.credentials.secretAccessKey);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const storage = () => ({ endpoint: bucket.endpoint, bucket: bucket.bucket, prefix: 'tutti/' });
  /** Wide enough for masked vectors that do not fit a row of the round’s record. */
  const WIDE = { inputs: 12_000, classes: 4 };

  it('keeps jobs, models and masked vectors in it, and of a round that is over nothing masked', async () => {
    const coordinator = await TestCoordinator.start({ storage: storage() });
    const clients = await coordinator.join(6, WIDE);
    const wide = QUICK_JOB.replace('inputs: 4, classes: 2', 'inputs: 12000, classes: 4');
    const { job } = (await coordinator.ask('submitJob', { body: { job: wide } })).json as JobDetail;
    await eventually(async () => {
      const { status } = (await coordinator.ask('showJob', { named: job })).json as JobSummary;
      return status === 'finished' ? true : undefined;
    });
    const { model, url } = (await coordinator.ask('jobResult', { named: job })).json as JobResult;
    const bytes = new Uint8Array(await (await fetch(`${coordinator.url}${url}`)).arrayBuffer());
    expect(toHex(primitives.sha256(bytes))).toBe(model);
    expect(bucket.keys('tutti/artifacts/')).toContain(`tutti/artifacts/${model}`);
    expect(bucket.keys('tutti/artifacts/')).toContain(`tutti/artifacts/${job}`);
    expect([...bucket.written].filter((key) => key.startsWith('tutti/rounds/')).length).toBeGreaterThan(0);
    expect(bucket.keys('tutti/rounds/')).toEqual([]);
    expect(await readdir(join(coordinator.location.directory, 'files'))).toEqual([]);
    for (const client of clients) client.leave();
    await coordinator.dispose();
  });

  it('does not start where the bucket cannot be reached', async () => {
    const gone = storage();
    bucket.stop();
    await expect(TestCoordinator.start({ storage: gone })).rejects.toMatchObject({
      name: 'Refusal',
      code: 'storage.unavailable',
    });
  });

  it('goes on with its jobs when the bucket is back', async () => {
    const coordinator = await TestCoordinator.start({ storage: storage(), lease: 1 });
    const clients = await coordinator.join(6);
    const long = QUICK_JOB.replace('rounds: 2', 'rounds: 1000');
    const { job } = (await coordinator.ask('submitJob', { body: { job: long } })).json as JobDetail;
    const show = () => coordinator.ask('showJob', { named: job });
    const completed = async () => {
      const { json, status } = await show();
      return status === 200 ? (json as JobSummary).rounds.completed : undefined;
    };
    await eventually(async () => ((await completed()) ?? 0) > 0 || undefined);
    bucket.failing = { status: 503 };
    await eventually(async () => (await show()).status !== 200 || undefined);
    bucket.failing = undefined;
    const before = await eventually(completed);
    await eventually(async () => ((await completed()) ?? 0) > before || undefined);
    await coordinator.ask('stopJob', { named: job });
    for (const client of clients) client.leave();
    await coordinator.dispose();
  });
});
