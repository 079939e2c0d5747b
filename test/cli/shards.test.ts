import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunSummary } from '@tutti/shared/protocol';
import { resumeAny, simulateAny } from '@tutti/simulation';
import { run } from './command.js';

const JOB = `
name: small
data: { offset: 5 }
model: { inputs: 64, classes: 10 }
rounds: 2
cohort: { samplingRate: 0.3, minimum: 4, maximum: 30 }
privacy: { epsilon: 20 }
erasure: { shards: 2 }
simulation: { clients: 40, dropout: 0 }
`;

let out: string;
let summary: RunSummary;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  const path = join(out, 'job.yaml');
  await writeFile(path, JOB);
  const engine = { simulate: simulateAny, resume: resumeAny };
  const { code, stdout } = await run(['simulate', path, '--seed', '5', '--out', out, '--json'], { engine });
  expect(code).toBe(0);
  summary = JSON.parse(stdout) as RunSummary;
});

afterAll(() => rm(out, { recursive: true, force: true }));

it('prints what the shards came to, each and together', () => {
  expect(summary).toMatchObject({ rounds: 4, clients: 40, stopped: 'rounds' });
  expect(summary.shards!.map(({ shard, rounds }) => [shard, rounds])).toEqual([
    [1, 2],
    [2, 2],
  ]);
});

it('says what an erasure saves', async () => {
  const { stdout } = await run(['erase', 'request', summary.directory, '--client', '3']);
  expect(stdout).toMatch(
    /It is in shard [12] of 2: the others stay as they are. An exact erasure runs \d rounds? again; training all shards anew would run 4\./,
  );
});

it('explains what all of them say', async () => {
  const whole = await run(['explain', summary.directory, '--method', 'gradients', '--json']);
  const one = await run(['explain', join(summary.directory, 'shards/1'), '--method', 'gradients', '--json']);
  expect([whole.code, one.code]).toEqual([0, 0]);
  expect(whole.stdout).not.toBe(one.stdout);
});

it('drafts papers of all shards together, and of one', async () => {
  await run(['erase', 'request', summary.directory, '--client', '4']);
  const whole = await run(['dpia', summary.directory]);
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stdout).toContain('40 clients in 2 shards, each client in one; up to 2 rounds in each shard');
  expect(whole.stdout).toContain('2 models, which answer by the mean of their class probabilities');
  expect(whole.stdout).toContain(`${(100 * summary.accuracy).toFixed(1)} % right on public rows`);
  const one = await run(['dpia', join(summary.directory, 'shards/1')]);
  expect(one.code).toBe(0);
  expect(one.stdout).not.toContain('in 2 shards');
  // Requests are about the run, in whichever shard their client is.
  for (const { stdout } of [whole, one]) expect(stdout).toContain('E-1');
  const processing = await run(['records', 'processing', summary.directory]);
  expect(processing.code).toBe(0);
  expect(processing.stdout).toContain('E-1');
  // Before it has run, the job tells.
  const planned = await run(['dpia', join(out, 'job.yaml')]);
  expect(planned.stdout).toContain('in 2 shards');
});

it('asks for one shard where it is asked for a provenance', async () => {
  const refused = await run(['records', 'provenance', summary.directory]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(join(summary.directory, 'shards/1'));
  expect((await run(['records', 'provenance', join(summary.directory, 'shards/1')])).code).toBe(0);
});
