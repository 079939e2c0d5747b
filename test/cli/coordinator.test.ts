import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelFiles } from '@tutti/client/training';
import { decodeInvitation } from '@tutti/shared/protocol';
import { unpackModel } from '../../packages/client/src/training/model-files/index.js';
import { saved } from '../client/training/support/saved-model.js';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../support/test-coordinator.js';
import { run } from './command.js';

describe('tutti coordinator', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('is made, started, asked and stopped by one who reads the help', async () => {
    const folder = join(directory, 'one');
    const made = await run(['coordinator', 'init', folder, '--json']);
    expect(made.stderr).toBe('');
    const { operator, config } = JSON.parse(made.stdout) as {
      operator: { token: string };
      config: string;
    };
    let interrupt: () => void = () => undefined;
    let address: string | undefined;
    const running = run(['coordinator', '--config', config, '--port', '0'], {
      interrupter: (listener) => (interrupt = listener),
      written: (text) => (address ??= /"listening":"([^"]+)"/.exec(text)?.[1]),
    });
    const url = await eventually(() => Promise.resolve(address));
    const environment = { TUTTI_COORDINATOR: url, TUTTI_TOKEN: operator.token };
    const invited = await run(['invite'], { environment });
    expect(decodeInvitation(invited.stdout)).toMatchObject({ url });
    expect((await run(['job', 'list'], { environment })).stdout).toBe('No job has been submitted.\n');
    interrupt();
    expect(await running).toMatchObject({ code: 0, stdout: '' });
  });

  it('says plainly what it means to be one’s own authority', async () => {
    const { stdout } = await run(['coordinator', 'init', join(directory, 'own')]);
    expect(stdout).toContain('its own enrolment authority');
  });

  it('relies on an authority that somebody else runs, and then makes no certificates', async () => {
    await run(['enrol', 'init', join(directory, 'authority')]);
    const authority = join(directory, 'authority', 'authority.json');
    const made = await run(['coordinator', 'init', join(directory, 'two'), '--authority', authority]);
    expect(made.stdout).not.toContain('its own enrolment authority');
    const settings = await readFile(join(directory, 'two', 'coordinator.yaml'), 'utf8');
    expect(settings).toContain(
      (JSON.parse(await readFile(authority, 'utf8')) as { publicKey: string }).publicKey,
    );
    expect(settings).not.toContain('authorityFolder');
  });

  it.each([
    ['a folder that is not empty', () => ['coordinator', 'init', directory]],
    [
      'a file that is no authority’s',
      () => ['coordinator', 'init', join(directory, 'x'), '--authority', 'package.json'],
    ],
    ['settings that are not there', () => ['coordinator', '--config', join(directory, 'nowhere.yaml')]],
    ['no token', () => ['job', 'list']],
    ['no address', () => ['job', 'list', '--coordinator', 'nowhere']],
  ])('exits 2 for %s', async (_what, argv) => {
    const { code, stdout, stderr } = await run(argv());
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toContain('fault in Tutti');
  });

  it('exits 1 where no coordinator answers', async () => {
    const environment = { TUTTI_TOKEN: 'A'.repeat(43), TUTTI_COORDINATOR: 'http://127.0.0.1:9' };
    expect((await run(['job', 'list'], { environment })).code).toBe(1);
  });
});

describe('tutti job', () => {
  let coordinator: TestCoordinator;
  let clients: readonly TestClient[];
  let directory: string;
  const ask = (...argv: string[]) =>
    run(argv, { environment: { TUTTI_COORDINATOR: coordinator.url, TUTTI_TOKEN: coordinator.token } });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tutti-test-'));
    await writeFile(join(directory, 'job.yaml'), QUICK_JOB);
    coordinator = await TestCoordinator.start();
    clients = await coordinator.join(6);
  });
  afterAll(async () => {
    for (const client of clients) client.leave();
    await coordinator.dispose();
    await rm(directory, { recursive: true, force: true });
  });

  it('submits a job, follows it to its end, and fetches the model', async () => {
    const submitted = await ask('job', 'submit', join(directory, 'job.yaml'), '--json');
    expect(submitted.code).toBe(0);
    const { job } = JSON.parse(submitted.stdout) as { job: string };
    const followed = await ask('job', 'logs', job.slice(0, 8), '--follow');
    expect(followed.stdout).toMatch(/^round 1 completed: 6 of 6 in the sum/m);
    expect(followed.stdout).toMatch(/^round 2 completed/m);
    expect((await ask('job', 'list')).stdout).toMatch(/quick +finished +2\/2/);
    expect((await ask('job', 'show', 'quick')).stdout).toContain('finished: rounds');
    const out = join(directory, 'model');
    expect((await ask('job', 'result', 'quick', '--out', out)).code).toBe(0);
    expect(await readFile(join(out, 'model.json'), 'utf8')).toContain('weightsManifest');
  });

  it('hands out its ledger while it runs, for whoever asks to verify it', async () => {
    const held = await ask('ledger', 'verify', coordinator.url);
    expect(held).toMatchObject({ code: 0, stdout: expect.stringContaining('The chain holds') as string });
    const stranger = await run(['ledger', 'verify', coordinator.url]);
    expect(stranger).toMatchObject({ code: 2, stderr: expect.stringContaining('TUTTI_TOKEN') as string });
  });

  it('refuses a job of which one round costs a client more than all jobs may', async () => {
    const strict = await TestCoordinator.start({ privacy: { client: { epsilon: 0.01 } } });
    const environment = { TUTTI_COORDINATOR: strict.url, TUTTI_TOKEN: strict.token };
    const submitting = ['job', 'submit', join(directory, 'job.yaml'), '--population', '50'];
    const refused = await run(submitting, { environment });
    await strict.dispose();
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('privacy.client') as string });
  });

  it('draws from the clients that a job is for, and from nobody else', async () => {
    const own = await TestCoordinator.start();
    const environment = { TUTTI_COORDINATOR: own.url, TUTTI_TOKEN: own.token };
    const askOwn = (...argv: string[]) => run(argv, { environment });
    const members = [...(await own.join(3)), ...(await own.join(5, undefined, { region: 'north' }))];
    const only = join(directory, 'north.yaml');
    const job = QUICK_JOB.replace('name: quick', 'name: north');
    await writeFile(only, job.replace('cohort: {', 'cohort: { eligible: { region: [north] },'));
    const { job: hash } = JSON.parse((await askOwn('job', 'submit', only, '--json')).stdout) as {
      job: string;
    };
    const followed = await askOwn('job', 'logs', hash, '--follow');
    expect(followed.stdout).toMatch(/^round 1 completed: 5 of 5 in the sum/m);
    expect(followed.stdout).toMatch(/^round 2 completed: 5 of 5/m);
    await writeFile(only, job.replace('cohort: {', 'cohort: { eligible: { region: [south] },'));
    expect((await askOwn('job', 'submit', only)).stderr).toContain(
      '0 clients are enrolled that the job is for',
    );
    for (const client of members) client.leave();
    await own.dispose();
  });

  it('brings a model of layers along, from beside the job file, for clients to fetch by its hash', async () => {
    const { default: tf } = await import('@tensorflow/tfjs');
    await tf.setBackend('cpu');
    const path = await saved(tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 2 })] }));
    await cp(dirname(path), join(directory, 'models'), { recursive: true });
    const { sha256 } = await readModelFiles(path);
    const model = `{ kind: layers, source: models/model.json, sha256: '${sha256}', inputs: 4, classes: 2, parameters: 10 }`;
    const job = QUICK_JOB.replace('name: quick', 'name: layers')
      .replace('{ inputs: 4, classes: 2 }', model)
      .replace('training: { backend: arrays }', '');
    const file = join(directory, 'layers.yaml');
    await writeFile(file, job);
    const submitted = await ask('job', 'submit', file, '--json');
    expect(submitted.code).toBe(0);
    const { job: hash } = JSON.parse(submitted.stdout) as { job: string };
    expect((await ask('job', 'logs', hash, '--follow')).stdout).toMatch(/^round 2 completed/m);
    const served = await fetch(`${coordinator.url}/artifacts/${sha256}`);
    expect(unpackModel(new Uint8Array(await served.arrayBuffer())).sha256).toBe(sha256);
    const announced = await (await fetch(`${coordinator.url}/artifacts/${hash}`)).text();
    expect(announced).not.toContain('models/model.json');

    await writeFile(file, job.replace(sha256, '0'.repeat(64)));
    expect((await ask('job', 'submit', file)).stderr).toContain(sha256);
    await rm(join(directory, 'models'), { recursive: true });
    await writeFile(file, job);
    expect((await ask('job', 'submit', file)).stderr).toContain('ENOENT');
  });

  it('exits 2 with what the coordinator says where it refuses', async () => {
    const { code, stderr } = await ask('job', 'pause', 'quick');
    expect(code).toBe(2);
    expect(stderr).toContain('The job quick is finished.');
  });

  it('names the lines of a job file that are wrong before it asks', async () => {
    await writeFile(join(directory, 'wrong.yaml'), 'name: x\nmodel: { inputs: 0, classes: 2 }\n');
    const { code, stderr } = await ask('job', 'submit', join(directory, 'wrong.yaml'));
    expect(code).toBe(2);
    expect(stderr).toContain('wrong.yaml:2');
  });
});
