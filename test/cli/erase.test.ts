import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobSchema } from '@tutti/shared/protocol';
import { contributions, simulate, withRun } from '@tutti/simulation';
import { run } from './command.js';

let out: string;
let directory: string;
let client: string;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  const job = jobSchema.parse({
    name: 'small',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    rounds: 2,
    cohort: { samplingRate: 0.3, minimum: 4, maximum: 30 },
    privacy: { epsilon: 20 },
    simulation: { clients: 30, dropout: 0 },
  });
  ({ directory } = await simulate({ job, out, transport: 'memory', seed: 5 }));
  client = await withRun(directory, (kept) =>
    Promise.resolve(kept.identities.find((key) => contributions(kept, key).length > 0)!),
  );
});

afterAll(() => rm(out, { recursive: true, force: true }));

// One walk through all states: the steps stand on one another.
describe('tutti erase', () => {
  it('goes from request to certificate and says at each step what was done', async () => {
    expect((await run(['erase', 'status', directory])).stdout).toBe('No request has been received.\n');

    const requested = await run(['erase', 'request', directory, '--client', client]);
    expect(requested).toMatchObject({ code: 0, stderr: '' });
    expect(requested.stdout).toMatch(/^E-1 {2}excluded/);
    expect(requested.stdout).toContain('needs a budget above 20');
    expect(requested.stdout).toContain('certified    nothing: the run was seeded');

    const refused = await run(['erase', 'remedy', directory, 'E-1', '--remedy', 'exact']);
    expect(refused.code).toBe(2);
    const needed = /--epsilon ([\d.]+)/.exec(refused.stderr)?.[1] ?? '';
    const exact = ['erase', 'remedy', directory, 'E-1', '--remedy', 'exact', '--epsilon', needed];
    expect((await run(exact)).stdout).toContain('nothing is refunded');

    const verified = await run(['erase', 'verify', directory, 'E-1', '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ state: 'verified', client });

    const certified = await run(['erase', 'certificate', directory, 'E-1']);
    expect(certified.stdout).toMatch(/Deleted \d+ superseded files?: /);
    const path = join(directory, 'erasures/E-1/certificate.json');
    const { coordinator } = JSON.parse(await readFile(path, 'utf8')) as { coordinator: string };
    expect((await run(['erase', 'check', path, '--coordinator', coordinator])).stdout).toContain(
      'The signature holds',
    );
    expect((await run(['erase', 'status', directory])).stdout).toMatch(/^E-1 {2}closed/);

    const forged = join(out, 'forged.json');
    await writeFile(forged, (await readFile(path, 'utf8')).replace('"kept": ', '"kept": 1'));
    expect(await run(['erase', 'check', forged])).toMatchObject({ code: 2, stdout: '' });
    expect(await run(['erase', 'check', path, '--coordinator', 'ab'.repeat(32)])).toMatchObject({ code: 2 });
  });

  it.each([
    [['remedy', 'nowhere', 'E-1', '--remedy', 'magic'], 'choices'],
    [['remedy', 'nowhere', 'E-1', '--remedy', 'exact', '--epsilon', '-1'], 'above 0'],
    [['request', 'nowhere', '--client', '1', '--rows', 'a,b'], 'numbers of rows'],
    [['request', 'nowhere', '--client', '1'], 'does not hold a run'],
    [['status', 'nowhere', 'E-7'], 'There is no request E-7'],
  ])('exits 2 for %j', async (argv, message) => {
    const { code, stderr } = await run(['erase', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
