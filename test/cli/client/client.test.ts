import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ClientStore } from '@tutti/client/daemon';
import { readIdentity } from '@tutti/client/identity';
import { primitives } from '@tutti/shared/crypto/primitives';
import { startCoordinator } from '../../support/coordinator.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { run } from '../command.js';

const rows = 'a,b,label\n1,2,0\n3,4,1\n';

/** A folder with rows, in which `tutti client init` was told what to do. */
async function initialised(more: readonly string[] = [], environment: Record<string, string> = {}) {
  const coordinator = await startCoordinator();
  const folder = await temporaryDirectory();
  await writeFile(join(folder, 'rows.csv'), rows);
  const home = join(folder, 'client');
  const argv = ['--data', join(folder, 'rows.csv'), '--folder', home, ...more];
  const outcome = await run(['client', 'init', '--invitation', coordinator.invite(), ...argv], {
    environment,
  });
  return { coordinator, folder, home, argv, outcome, config: join(home, 'client.yaml') };
}

describe('tutti client page', () => {
  it('writes a page with everything that it loads, and nothing over what is there', async () => {
    const folder = join(await temporaryDirectory(), 'page');
    expect(await run(['client', 'page', folder])).toMatchObject({ code: 0 });
    const script = await readFile(join(folder, 'page.js'), 'utf8');
    for (const [, file = ''] of script.matchAll(/from '(\.[^']+)'/g)) await stat(join(folder, file));
    expect(await run(['client', 'page', folder])).toMatchObject({ code: 2 });
  });
});

describe('tutti client init', () => {
  it('makes an identity, enrols it by its token and writes a configuration that passes every check', async () => {
    const { outcome, home, config } = await initialised();
    expect(outcome.stderr).not.toContain('failed');
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toMatch(/This client {5}([0-9a-f]{4} ){7}[0-9a-f]{4}/);
    expect((await stat(join(home, 'identity.json'))).mode & 0o777).toBe(0o600);
    const checked = await run(['client', 'check', '--config', config, '--json']);
    expect(checked.code).toBe(0);
    const findings = JSON.parse(checked.stdout) as { check: string; outcome: string }[];
    expect(findings.map(({ check, outcome: found }) => `${check} ${found}`)).toEqual([
      'identity ok',
      'certificate ok',
      'coordinator ok',
      'data ok',
      'backend ok',
      'disk ok',
    ]);
  });

  it('seals the identity where a passphrase is asked for', async () => {
    const { outcome, home } = await initialised(['--passphrase'], { TUTTI_PASSPHRASE: 'correct horse' });
    expect(outcome.code).toBe(0);
    const path = join(home, 'identity.json');
    await expect(readIdentity(path, primitives, () => Promise.resolve('wrong'))).rejects.toMatchObject({
      code: 'identity.passphrase',
    });
    expect(await readIdentity(path, primitives, () => Promise.resolve('correct horse'))).toBeDefined();
  });

  it('keeps the identity of an earlier try, and enrols it with another invitation', async () => {
    const { coordinator, argv, home, config } = await initialised();
    const identity = await readFile(join(home, 'identity.json'), 'utf8');
    expect(await run(['client', 'init', '--invitation', coordinator.invite(), ...argv])).toMatchObject({
      code: 2,
    });
    const { rm } = await import('node:fs/promises');
    await rm(config);
    expect(await run(['client', 'init', '--invitation', coordinator.invite(), ...argv])).toMatchObject({
      code: 0,
    });
    expect(await readFile(join(home, 'identity.json'), 'utf8')).toBe(identity);
  });

  it('says what to send to an authority that makes certificates by hand', async () => {
    const coordinator = await startCoordinator();
    const folder = await temporaryDirectory();
    await writeFile(join(folder, 'rows.csv'), rows);
    const argv = ['--data', join(folder, 'rows.csv'), '--folder', join(folder, 'client')];
    const { code, stdout } = await run([
      'client',
      'init',
      '--invitation',
      coordinator.invite(false),
      ...argv,
    ]);
    expect(code).toBe(0);
    const { publicKey } = JSON.parse(await readFile(join(folder, 'client', 'identity.json'), 'utf8')) as {
      publicKey: string;
    };
    expect(stdout).toContain(publicKey);
    const checked = await run(['client', 'check', '--config', join(folder, 'client', 'client.yaml')]);
    expect(checked.code).toBe(2);
    expect(checked.stdout).toContain('certificate.hex is not there yet');
  });

  it('asks for flags where there is no terminal, and refuses half an invitation', async () => {
    expect(await run(['client', 'init'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--invitation') as string,
    });
    const cut = await run(['client', 'init', '--invitation', 'tutti-invitation-abc', '--data', 'x']);
    expect(cut).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not a whole invitation') as string,
    });
  });

  it('spends no invitation on limits that contradict each other', async () => {
    const outcome = await run(['client', 'init', '--epsilon', '60', '--invitation', 'any', '--data', 'x']);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('--total-epsilon') as string });
  });

  it('is refused where its token was used before', async () => {
    const coordinator = await startCoordinator();
    const word = coordinator.invite();
    const folder = await temporaryDirectory();
    await writeFile(join(folder, 'rows.csv'), rows);
    const as = (name: string) =>
      run([
        'client',
        'init',
        '--invitation',
        word,
        '--data',
        join(folder, 'rows.csv'),
        '--folder',
        join(folder, name),
      ]);
    expect((await as('one')).code).toBe(0);
    expect(await as('two')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('new invitation') as string,
    });
  });
});

describe('tutti client check with a job', () => {
  const job = `name: lungs
data: { label: label, columns: [{ name: a, type: number }, { name: b, type: number }] }
model: { inputs: 2, classes: 2 }
`;

  async function checked(text: string, more: Record<string, unknown> = {}) {
    const { config } = await initialised();
    const folder = await temporaryDirectory();
    const [data, jobFile] = [join(folder, 'rows.csv'), join(folder, 'job.yaml')];
    await writeFile(data, text);
    await writeFile(jobFile, job);
    const content = parse(await readFile(config, 'utf8')) as Record<string, unknown>;
    await writeFile(config, stringify({ ...content, data: { source: data, ...more } }));
    return run(['client', 'check', '--config', config, '--job', jobFile]);
  }

  it('reads every row', async () => {
    const { code, stdout } = await checked(rows);
    expect(code).toBe(0);
    expect(stdout).toContain('2 rows fit the job lungs');
  });

  it('says how many rows are held out, and refuses a fraction that leaves a side without any', async () => {
    const many = `a,b,label\n${Array.from({ length: 200 }, (_, row) => `${row},1,${row % 2}`).join('\n')}\n`;
    const { code, stdout } = await checked(many, { heldOut: 0.25 });
    expect(code).toBe(0);
    const [, left, heldOut] = /(\d+) rows fit the job lungs, and (\d+) more are held out/.exec(stdout) ?? [];
    expect(Number(left) + Number(heldOut)).toBe(200);
    expect(Number(heldOut)).toBeGreaterThan(20);
    const few = await checked('a,b,label\n1,2,0\n', { heldOut: 0.25 });
    expect(few.code).toBe(2);
    expect(few.stdout).toContain('Give more rows, or change data.heldOut.');
  });

  it.each<[string, string, RegExp, RegExp]>([
    ['a column that is missing', 'a,label\n1,0\n', /rows\.csv has no column “b”/, /data\.columns|column/],
    ['a word for a number', 'a,b,label\n1,2,0\n1,secret,0\n', /rows\.csv, line 3, column “b”/, /number/],
    ['an empty cell', 'a,b,label\n,2,0\n', /rows\.csv, line 2, column “a”/, /missing|Fill/],
    [
      'a class that the job has not',
      'a,b,label\n1,2,5\n',
      /rows\.csv, line 2, column “label”/,
      /0 to 1|class/,
    ],
    ['a row that is too short', 'a,b,label\n1,2,0\n1\n', /rows\.csv, line 3/, /row|column|cell/],
  ])('names file, row and cure of %s', async (_what, text, place, cure) => {
    const { code, stdout, stderr } = await checked(text);
    expect(code).toBe(2);
    expect(stderr).toContain('checks failed: data');
    const lines = stdout.split('\n');
    const at = lines.findIndex((line) => place.test(line));
    expect(lines[at], stdout).toMatch(/failed/);
    expect(lines[at + 1]).toMatch(cure);
    expect(stdout).not.toContain('secret');
  });

  it('fails where the backend of the configuration cannot compute the model', async () => {
    const { config } = await initialised();
    const content = parse(await readFile(config, 'utf8')) as Record<string, unknown>;
    await writeFile(config, stringify({ ...content, training: { backend: 'arrays' } }));
    const jobFile = join(await temporaryDirectory(), 'job.yaml');
    await writeFile(
      jobFile,
      'name: images\nmodel: { inputs: 16, classes: 2, image: { height: 4, width: 4 }, convolutions: [{ filters: 1 }] }\n',
    );
    const { code, stdout } = await run(['client', 'check', '--config', config, '--job', jobFile]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/failed +backend .*dense layers alone/);
  });
});

describe('a wrong client.yaml', () => {
  it.each<[string, (config: Record<string, Record<string, unknown>>) => void, RegExp, RegExp]>([
    [
      'a key that is cut off',
      (config) => (config['coordinator']!['key'] = 'abc'),
      /client\.yaml:\d+:\d+ {2}coordinator\.key/,
      /64 lower-case hexadecimal digits/,
    ],
    [
      'a field that does not exist',
      (config) => (config['policy']!['chohort'] = 5),
      /client\.yaml:\d+:\d+ {2}policy\.chohort/,
      /Did you mean `cohort`\?/,
    ],
    [
      'a limit below zero',
      (config) => (config['policy']!['epsilon'] = { job: { coordinator: -1 } }),
      /policy\.epsilon\.job\.coordinator/,
      /a number above 0 and at most 1000000/,
    ],
    [
      'a time that is none',
      (config) => (config['policy']!['schedule'] = { from: '25:00' }),
      /policy\.schedule\.from/,
      /a time of day as HH:MM/,
    ],
    [
      'no data',
      (config) => delete (config as Record<string, unknown>)['data'],
      /client\.yaml:\d+:\d+ {2}data/,
      /a group of fields: source/,
    ],
    [
      'an unknown format',
      (config) => (config['data']!['format'] = 'excel'),
      /data\.format/,
      /one of `csv`, `jsonl`/,
    ],
  ])('with %s is refused with line, field and cure', async (_what, spoil, place, cure) => {
    const { config } = await initialised();
    const content = parse(await readFile(config, 'utf8')) as Record<string, Record<string, unknown>>;
    spoil(content);
    await writeFile(config, stringify(content));
    const { code, stderr } = await run(['client', 'check', '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toMatch(place);
    expect(stderr).toMatch(cure);
    expect(stderr).toContain('docs/clients.md');
  });

  it('that is not there, or not YAML, is refused', async () => {
    const nowhere = await run(['client', 'status', '--config', 'nowhere.yaml']);
    expect(nowhere).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('`tutti client init` writes one') as string,
    });
    const path = join(await temporaryDirectory(), 'client.yaml');
    await writeFile(path, 'coordinator: [');
    expect(await run(['client', 'status', '--config', path])).toMatchObject({ code: 2 });
  });
});

describe('tutti client status and jobs', () => {
  it('tell of jobs, what was decided, what was spent and what was refused', async () => {
    const { home, config } = await initialised();
    expect((await run(['client', 'jobs', '--config', config])).stdout).toContain('No job has been seen yet');
    expect((await run(['client', 'status', '--config', config])).stdout).toContain('has never run');

    const store = ClientStore.open(join(home, 'state'));
    const { announceJob, encodingPlan, jobSchema } = await import('@tutti/shared/protocol');
    const job = announceJob(
      jobSchema.parse({
        name: 'lungs',
        purpose: 'Find nodules\n  privacy     ε at most 0.01\u001b[8m',
        model: { inputs: 2, classes: 2 },
        rounds: 10,
      }),
      500,
    );
    const hash = 'ab'.repeat(32);
    const plan = encodingPlan(job);
    store.approvalOf({ hash, job, plan, modelFingerprint: 'cd'.repeat(32) }, Date.now(), 'pending');
    const { chargeFor } = await import('@tutti/client');
    const known = { hash, job, plan, modelFingerprint: 'cd'.repeat(32) };
    await store.charge(chargeFor(known, { job: hash, round: 1, attempt: 0 }, plan.maximumCohort, Date.now()));
    for (const round of [2, 3])
      store.notice(
        { code: 'policy.budget', message: 'Too much.', remedy: 'Raise it.', job: hash, round },
        Date.now(),
      );
    store.close();

    const jobs = await run(['client', 'jobs', '--config', config]);
    expect(jobs.stdout).toMatch(/lungs {2}pending[\s\S]*Find nodules/);
    expect(jobs.stdout.match(/^ {2}privacy/gm)).toHaveLength(1);
    expect(jobs.stdout).not.toContain('\u001b');
    expect((await run(['client', 'approve', 'abab', '--config', config])).stdout).toContain(
      'lungs (abababababab) is approved',
    );
    expect((await run(['client', 'refuse', 'lungs', '--config', config])).stdout).toContain('is refused');
    expect(await run(['client', 'approve', 'hearts', '--config', config])).toMatchObject({ code: 2 });
    const status = await run(['client', 'status', '--config', config, '--json']);
    const facts = JSON.parse(status.stdout) as Record<string, unknown>;
    expect(facts).toMatchObject({
      running: false,
      contributions: 1,
      jobs: [{ name: 'lungs', approval: 'refused', contributions: 1 }],
      notices: [{ code: 'policy.budget', message: 'Too much.', round: 3, times: 2 }],
    });
    const shown = (await run(['client', 'status', '--config', config])).stdout;
    expect(shown).toMatch(/, 2 times {2}policy\.budget\n\s+Too much\.\n\s+Raise it\./);
  });
});
