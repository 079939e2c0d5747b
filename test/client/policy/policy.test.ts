import { describe, expect, it } from 'vitest';
import { checkJob, checkPolicy, type ClientPolicy, type KnownTraining } from '@tutti/client';
import { announceJob, encodingPlan, jobSchema } from '@tutti/shared/protocol';

const policy: ClientPolicy = {
  maximumEpsilon: 20,
  maximumDelta: 1e-3,
  minimumCohort: 6,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 3,
};

describe('a policy', () => {
  it.each(['maximumEpsilon', 'maximumDelta', 'minimumCohort', 'minimumCorruptFraction', 'maximumAttempts'])(
    'must set %s: what is left out would not be limited',
    (limit) => {
      for (const value of [undefined, NaN, -1]) {
        expect(() => checkPolicy({ ...policy, [limit]: value })).toThrow(
          expect.objectContaining({ code: 'policy.malformed' }),
        );
      }
      expect(() => checkPolicy(policy)).not.toThrow();
    },
  );

  it('must say how long a period is', () => {
    const period = { coordinator: 1 } as NonNullable<ClientPolicy['period']>;
    expect(() => checkPolicy({ ...policy, period })).toThrow(
      expect.objectContaining({ code: 'policy.malformed' }),
    );
  });
});

describe('a model that a job brings along', () => {
  const fingerprint = 'cd'.repeat(32);
  const known = (model: object): KnownTraining => {
    const job = announceJob(
      jobSchema.parse({ name: 'job', model: { inputs: 2, classes: 2, ...model } }),
      500,
    );
    return { hash: 'ab'.repeat(32), job, plan: encodingPlan(job), modelFingerprint: fingerprint };
  };
  const elsewhere = known({
    kind: 'layers',
    source: 'models/model.json',
    sha256: '0'.repeat(64),
    parameters: 6,
  });
  const unattended = { ...policy, listedSourcesOnly: true };

  it('is fetched from the coordinator and from nowhere else: its source is announced to nobody', () => {
    expect(elsewhere.job.model).not.toHaveProperty('source');
  });

  it('is taken where nobody approves jobs only where the owner lists it', () => {
    expect(() => checkJob(unattended, elsewhere, 0)).toThrow(
      expect.objectContaining({ code: 'policy.model-source' }),
    );
    expect(() => checkJob({ ...unattended, models: [fingerprint] }, elsewhere, 0)).not.toThrow();
    expect(() => checkJob(policy, elsewhere, 0)).not.toThrow();
    expect(() => checkJob(unattended, known({}), 0)).not.toThrow();
  });
});
