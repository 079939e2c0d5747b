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

it('drafts papers of a shard, and says so where it is asked for those of all', async () => {
  const refused = await run(['dpia', summary.directory]);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain(join(summary.directory, 'shards', '1'));
  await run(['erase', 'request', summary.directory, '--client', '4']);
  const drafted = await run(['dpia', join(summary.directory, 'shards/1')]);
  expect(drafted.code).toBe(0);
  // Requests are about the run, in whichever shard their client is.
  expect(drafted.stdout).toContain('E-1');
});
