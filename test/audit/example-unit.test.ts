import { describe, expect, it } from 'vitest';
import { auditJob, requireRefutable } from '@tutti/audit';
import { jobSchema } from '@tutti/shared/protocol';
import { temporaryDirectory } from '../support/temporary.js';

const job = (audit: object) =>
  jobSchema.parse({
    name: 'silos',
    model: { inputs: 64, classes: 10 },
    cohort: { samplingRate: 1, minimum: 8, maximum: 12, survivorFraction: 0.75 },
    privacy: { unit: 'example', epsilon: 4 },
    audit,
    simulation: { clients: 12 },
  });

describe('the audit of a job that protects each example', () => {
  it('puts no canary clients in: they would refute what the job does not claim', async () => {
    const audited = auditJob({
      job: job({ unit: 'client' }),
      jobDirectory: '.',
      out: await temporaryDirectory(),
    });
    await expect(audited).rejects.toMatchObject({ code: 'audit.unit' });
  });

  it('holds the claim to the δ of examples, not to one that follows from the number of clients', () => {
    const silos = job({ unit: 'example', canaries: 400 });
    expect(() => requireRefutable(silos)).not.toThrow();
    const byClients = { ...silos, privacy: { ...silos.privacy, delta: 1 / (10 * 12) } };
    expect(() => requireRefutable(byClients)).toThrow(
      expect.objectContaining({ code: 'audit.toothless' }) as Error,
    );
  });
});
