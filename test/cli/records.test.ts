import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobSchema, type RunSummary } from '@tutti/shared/protocol';
import { simulate } from '@tutti/simulation';
import { run } from './command.js';

const jobFile = 'examples/jobs/breast-cancer.yaml';
let out: string;
let summary: RunSummary;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  const job = jobSchema.parse({
    name: 'small',
    purpose: 'See <papers>',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    rounds: 2,
    cohort: { samplingRate: 0.4, minimum: 4, maximum: 40 },
    privacy: { epsilon: 20 },
    simulation: { clients: 30 },
  });
  summary = await simulate({ job, out, transport: 'memory', seed: 1 });
});

afterAll(() => rm(out, { recursive: true, force: true }));

describe('tutti dpia', () => {
  it('drafts from a job alone, and from a run with the figures of its statement', async () => {
    expect((await run(['dpia', jobFile])).stdout).toContain('The job has not run');
    const { stdout, code } = await run(['dpia', summary.directory]);
    expect(code).toBe(0);
    expect(stdout).toContain('It claims no privacy for real data and must not be used on any');
    expect(stdout).toMatch(/ε = \d+\.\d\d for the client that took part most/);
  });

  it('writes a page to be signed that runs nothing and asks for nothing', async () => {
    const html = join(out, 'dpia.html');
    await run(['dpia', summary.directory, '--html', html]);
    const text = await readFile(html, 'utf8');
    expect(text).toContain('See &lt;papers&gt;');
    expect(text).not.toMatch(/<script|https?:\/\//);
  });

  it('exits 2 where there is neither a run nor a job', async () => {
    expect((await run(['dpia', 'nowhere.yaml'])).code).toBe(2);
    expect((await run(['dpia', out])).code).toBe(2);
  });
});

describe('tutti records', () => {
  it('prints the record of processing and the columns that are read', async () => {
    expect((await run(['records', 'processing', jobFile])).stdout).toContain(
      '(e) Transfers to third countries',
    );
    expect((await run(['records', 'minimisation', jobFile])).stdout).toMatch(/radius\\_mean \| yes/);
    expect((await run(['records', 'minimisation', summary.directory])).code).toBe(0);
  });

  it('draws where the model is from', async () => {
    const { stdout } = await run(['records', 'provenance', summary.directory]);
    expect(stdout).toContain(summary.modelHash);
    expect((await run(['records', 'provenance', summary.directory, '--format', 'mermaid'])).stdout).toMatch(
      /^flowchart LR/,
    );
    const drawn = await run(['records', 'provenance', summary.directory, '--format', 'svg']);
    expect(drawn.stdout).toContain(`model ${summary.modelHash.slice(0, 12)}`);
    expect((await run(['records', 'provenance', jobFile])).code).toBe(2);
  });

  it('deletes checkpoints whose period is over, and never what the run stands on', async () => {
    const artifacts = join(summary.directory, 'artifacts');
    const before = await readdir(artifacts);
    await run(['records', 'retention', summary.directory, '--days', '0', '--dry-run']);
    expect(await readdir(artifacts)).toEqual(before);
    expect((await run(['records', 'retention', summary.directory, '--days', '30'])).stdout).toMatch(
      /^0 checkpoints/,
    );
    await run(['records', 'retention', summary.directory, '--days', '0']);
    const after = await readdir(artifacts);
    expect(after.length).toBeLessThan(before.length);
    expect(after).toContain(summary.modelHash);
    expect((await run(['erase', 'request', summary.directory, '--client', '0'])).code).toBe(0);
  });
});
