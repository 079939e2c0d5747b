import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, QUICK_JOB, TestCoordinator, type TestClient } from '../support/test-coordinator.js';
import { temporaryDirectory } from '../support/temporary.js';
import { run } from './command.js';

let coordinator: TestCoordinator;
let clients: readonly TestClient[];
let environment: Record<string, string>;

beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  environment = { TUTTI_TOKEN: coordinator.token };
  clients = await coordinator.join(7);
  await coordinator.ask('submitJob', { body: { job: QUICK_JOB.replace('epsilon: 50', 'epsilon: 20') } });
  await finished('quick');
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.leave();
  await coordinator.dispose();
});

const finished = (name: string) =>
  eventually(async () => {
    const { json } = await coordinator.ask('showJob', { named: name });
    return (json as { status: string }).status === 'finished' ? true : undefined;
  });
const erase = (verb: string, ...argv: readonly string[]) =>
  run(['erase', verb, coordinator.url, ...argv], { environment });

// One walk through all states: the steps stand on one another.
describe('tutti erase, at a coordinator', () => {
  it('takes in a withdrawal by letter only with its evidence', async () => {
    const { name } = clients[1]!;
    expect(await erase('request', '--client', name)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--evidence') as string,
    });
    expect(await erase('request', '--client', name, '--rows', '1')).toMatchObject({ code: 2 });
    const { code, stdout } = await erase('request', '--client', name, '--evidence', 'letter of 3 May');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^E-1 {2}excluded/);
    expect(stdout).toContain('go back to round 0, run 2 rounds again');
    expect(stdout).not.toContain('approximate');
  });

  it('goes on to the certificate, which the same tool verifies', async () => {
    expect((await erase('remedy', 'E-1', '--remedy', 'approximate')).stderr).toContain('not offered');
    const refused = await erase('remedy', 'E-1', '--remedy', 'exact');
    expect(refused.code).toBe(2);
    const needed = /--epsilon ([\d.]+)/.exec(refused.stderr)?.[1] ?? '';
    const exact = ['E-1', '--remedy', 'exact', '--epsilon', needed] as const;
    expect((await erase('remedy', ...exact)).stdout).toMatch(/begun {8}the exact remedy, 2 rounds in job/);
    await finished('quick-e-1');
    expect((await erase('remedy', ...exact)).stdout).toContain('0 rounds kept, 2 rounds run again');
    expect((await erase('verify', 'E-1')).stdout).toContain(
      'holds        no sum under the model names the client on its roster',
    );
    const { stdout } = await erase('certificate', 'E-1');
    const url = /Written to (\S+)/.exec(stdout)?.[1] ?? '';
    const path = join(await temporaryDirectory(), 'certificate.json');
    await writeFile(path, await (await fetch(url)).text());
    expect((await run(['erase', 'check', path])).stdout).toContain('The signature holds');
    expect((await erase('status')).stdout).toMatch(/^E-1 {2}closed/);
  }, 60_000);

  it('is in the archive that a privacy officer exports, which verifies', async () => {
    const out = join(await temporaryDirectory(), 'records.zip');
    const exported = ['records', 'export', '--coordinator', coordinator.url, '--out', out];
    expect(await run(exported, { environment })).toMatchObject({ code: 0, stderr: '' });
    expect((await run(exported, { environment })).code).not.toBe(0);
    const key = ((await coordinator.ask('coordinator')).json as { coordinator: string }).coordinator;
    const verified = await run(['records', 'verify', out, '--coordinator', key]);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('The chain of the requests for erasure holds: 1 request.');
    const { manifest } = JSON.parse((await run(['records', 'verify', out, '--json'])).stdout) as {
      manifest: { body: { files: readonly { name: string }[] } };
    };
    const names = manifest.body.files.map(({ name }) => name.replace(/^jobs\/[0-9a-f]{12}/, 'jobs/HASH'));
    for (const name of [
      'audit.jsonl',
      'certificates/E-1.json',
      'jobs/HASH/privacy.md',
      'jobs/HASH/assessment.md',
    ])
      expect(names).toContain(name);
    const bytes = await readFile(out);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(out, bytes);
    expect(await run(['records', 'verify', out])).toMatchObject({ code: 2 });
  });

  it('tells nobody without a privacy officer’s token', async () => {
    const { json } = await coordinator.ask('addOperator', { body: { name: 'looker', role: 'viewer' } });
    const { token } = json as { token: string };
    for (const TUTTI_TOKEN of ['', token]) {
      const status = ['erase', 'status', coordinator.url];
      expect((await run(status, { environment: { TUTTI_TOKEN } })).code).toBe(2);
    }
  });
});

describe('tutti client withdraw', () => {
  it('leaves by the identity’s signature, and says again where the requests stand', async () => {
    const { json } = await coordinator.ask('invite', { body: {} });
    const [word] = (json as { invitations: readonly string[] }).invitations;
    const folder = await temporaryDirectory();
    await writeFile(join(folder, 'rows.csv'), 'a,b,label\n1,2,0\n3,4,1\n');
    const config = join(folder, 'client', 'client.yaml');
    const argv = ['--data', join(folder, 'rows.csv'), '--folder', join(folder, 'client')];
    expect(await run(['client', 'init', '--invitation', word!, ...argv])).toMatchObject({ code: 0 });
    const withdraw = ['client', 'withdraw', '--config', config];
    const unknown = await run(withdraw);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('never let in') as string });

    const stopping = new AbortController();
    const running = run(['client', 'run', '--config', config], {
      interrupter: (listener) => stopping.signal.addEventListener('abort', listener),
    });
    await eventually(async () => {
      const { json: known } = await coordinator.ask('listClients');
      return (known as readonly unknown[]).length === 8 ? true : undefined;
    });
    const { code, stdout } = await run(withdraw);
    expect(code).toBe(0);
    expect(stdout).toContain('This client has withdrawn');
    expect(stdout).toContain('nothing is to be erased');
    expect((await run(withdraw)).stdout).toBe(stdout);
    stopping.abort();
    expect(await running).toMatchObject({ code: 0 });
  }, 60_000);
});
