import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attackRun, writeAudit, type RunAttacks } from '@tutti/audit';
import { largestTruePositiveRate } from '@tutti/shared/privacy';
import { jobSchema } from '@tutti/shared/protocol';
import { simulate } from '@tutti/simulation';
import { temporaryDirectory } from '../support/temporary.js';

describe('the attacks on a finished run', () => {
  let out: string;
  let directory: string;
  let attacks: RunAttacks;
  beforeAll(async () => {
    const job = jobSchema.parse({
      name: 'attacked',
      purpose: 'See <b>what</b> leaks',
      data: { offset: 5 },
      model: { inputs: 64, classes: 10 },
      training: { learningRate: 1 },
      rounds: 3,
      cohort: { samplingRate: 0.4, minimum: 8, maximum: 60 },
      privacy: { epsilon: 2 },
      simulation: { clients: 60, dropout: 0.1 },
    });
    out = await mkdtemp(join(tmpdir(), 'tutti-attacks-'));
    ({ directory } = await simulate({ job, seed: 4, transport: 'memory', out }));
    attacks = await attackRun({ directory, shadows: 16, seed: 4 });
  }, 120_000);
  afterAll(() => rm(out, { recursive: true, force: true }));

  it('stay below what ε permits', () => {
    expect(attacks.epsilon).toBeLessThanOrEqual(2);
    for (const { name, roc, members } of attacks.membership) {
      const slack = 3 * Math.sqrt(0.25 / Math.min(members, 300));
      for (const { falsePositiveRate, truePositiveRate } of roc) {
        const bound = largestTruePositiveRate({ epsilon: 2, delta: attacks.delta }, falsePositiveRate);
        expect(truePositiveRate, name).toBeLessThan(bound + slack);
      }
    }
  });

  it('show a digit as the coordinator would see it: whole, masked, summed, with noise', () => {
    const seen = attacks.pictures.filter(({ attack }) => attack === 'Quotient of the first layer');
    const [truth, bare, masked, , noisy] = seen;
    expect(truth!.similarity).toBeUndefined();
    expect(bare!.similarity).toBeGreaterThan(0.999);
    expect(Math.abs(masked!.similarity!)).toBeLessThan(0.5);
    expect(Math.abs(noisy!.similarity!)).toBeLessThan(0.6);
  });

  it('are written as a page that runs no script and asks the network for nothing, and as JSON', async () => {
    await writeAudit(directory, {
      ...{ job: attacks.job, purpose: attacks.purpose, run: attacks.run, seeded: true, seconds: 1, attacks },
      made: '2026-01-01T00:00:00.000Z',
      software: 'Tutti',
    });
    const html = await readFile(join(directory, 'audit.html'), 'utf8');
    expect(html).toContain('default-src &#39;none&#39;');
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(src|href)="/);
    expect(html).toContain('See &lt;b&gt;what&lt;/b&gt; leaks');
    const json = JSON.parse(await readFile(join(directory, 'audit.json'), 'utf8')) as { attacks: RunAttacks };
    expect(json.attacks.membership).toHaveLength(3);
  });

  it('are refused where there is no run', async () => {
    await expect(attackRun({ directory: await temporaryDirectory() })).rejects.toMatchObject({
      code: 'run.unreadable',
    });
  });
});
