import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jobSchema } from '@tutti/shared/protocol';
import { simulate, type AuditFinding } from '@tutti/simulation';
import { temporaryDirectory } from '../support/temporary.js';

const job = jobSchema.parse({
  name: 'released',
  data: { offset: 5 },
  model: { inputs: 64, classes: 10 },
  rounds: 1,
  cohort: { samplingRate: 0.5, minimum: 8, maximum: 60 },
  privacy: { epsilon: 4 },
  audit: { required: true },
  simulation: { clients: 40, dropout: 0 },
});

const finding = (epsilonLower: number): AuditFinding => ({
  method: 'a test',
  epsilonLower,
  confidence: 0.95,
  claimed: 4,
  passed: epsilonLower <= 4,
});

async function run(epsilonLower: number) {
  const out = await temporaryDirectory();
  const auditor = () => Promise.resolve(finding(epsilonLower));
  const summary = await simulate({ job, seed: 1, transport: 'memory', out, auditor });
  const weights = await access(join(summary.directory, 'model/weights.bin')).then(
    () => true,
    () => false,
  );
  return { summary, weights, statement: await readFile(join(summary.directory, 'privacy.md'), 'utf8') };
}

describe('a job that requires an audit', () => {
  it('has its model written once the audit has passed, and the finding in its statement', async () => {
    const { summary, weights, statement } = await run(0.7);
    expect(weights).toBe(true);
    expect(summary.audit).toEqual({ passed: true, epsilonLower: 0.7, claimed: 4 });
    expect(statement).toContain('ε is at least 0.7 with confidence 95%');
    expect(statement).toContain('not refuted');
  });

  it('has no model written where the audit refutes the claim, and says so', async () => {
    const { summary, weights, statement } = await run(5);
    expect(weights).toBe(false);
    expect(summary.audit?.passed).toBe(false);
    expect(statement).toContain('refuted. Nothing in this statement is to be relied on');
  });

  it('is not trained where nobody audits', async () => {
    const out = await temporaryDirectory();
    await expect(simulate({ job, transport: 'memory', out })).rejects.toMatchObject({
      code: 'audit.no-auditor',
    });
  });
});
