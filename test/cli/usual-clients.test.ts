import { announceJob, jobSchema, type JobInput } from '@tutti/shared/protocol';
import { describe, expect, it } from 'vitest';
import { objectionOfUsualClients } from '../../packages/cli/src/coordinator/usual-clients.js';

const job: JobInput = {
  name: 'tumours',
  model: { inputs: 30, classes: 2 },
  rounds: 5,
  cohort: { samplingRate: 1, minimum: 12, maximum: 20 },
  privacy: { epsilon: 8 },
};
const objectionTo = (input: JobInput) =>
  objectionOfUsualClients('00'.repeat(32), announceJob(jobSchema.parse(input), 20));

describe('clients whose owners left their limits as they are', () => {
  it('take part in a job of a few clients that leaves δ open', async () => {
    expect(await objectionTo(job)).toBeUndefined();
  });

  it.each<[string, string, JobInput]>([
    ['δ', 'policy.delta', { ...job, privacy: { epsilon: 8, delta: 1e-3 } }],
    ['too small a cohort', 'policy.cohort', { ...job, cohort: { samplingRate: 1, minimum: 5, maximum: 20 } }],
    [
      'too trusting a cohort',
      'policy.corrupt-fraction',
      { ...job, cohort: { ...job.cohort, corruptFraction: 0 } },
    ],
  ])('object to %s, and the operator is told', async (_what, code, input) => {
    expect(await objectionTo(input)).toContain(`(${code})`);
  });
});
