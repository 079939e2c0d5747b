import { describe, expect, it } from 'vitest';
import {
  chargeFor,
  checkJob,
  epsilonSpent,
  knownJob,
  MemoryJournal,
  modelFingerprint,
  Spending,
  type ClientPolicy,
} from '@tutti/client';
import { usualPolicy } from '@tutti/client/daemon';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  announceEvaluation,
  announceJob,
  evaluationJobSchema,
  jobSchema,
  type AnnouncedEvaluation,
} from '@tutti/shared/protocol';

const NOW = Date.UTC(2026, 10, 25);
const training = announceJob(
  jobSchema.parse({ name: 'trained', model: { inputs: 900, classes: 2 }, rounds: 1 }),
  200,
);
const { data, model } = training;

function evaluation(more: Record<string, unknown> = {}, name = 'how-good'): AnnouncedEvaluation {
  return announceEvaluation(
    {
      ...evaluationJobSchema.parse({
        name,
        kind: 'evaluation',
        model: { job: 'trained' },
        cohort: { minimum: 20, maximum: 40, samplingRate: 1 },
        privacy: { epsilon: 8, delta: 1e-5 },
        ...more,
      }),
      evaluated: { job: 'ab'.repeat(32), sha256: 'cd'.repeat(32), data, model },
    },
    200,
  );
}

const known = (job = evaluation(), hash = 'ef'.repeat(32)) => knownJob(primitives, hash, job);
const check =
  (policy: Partial<ClientPolicy>, job = evaluation()) =>
  () =>
    checkJob({ ...usualPolicy(), ...policy }, known(job), NOW);

describe('an owner’s policy on evaluations', () => {
  it('takes part in them where it says nothing else', () => {
    expect(check({})).not.toThrow();
    expect(check({ kinds: ['evaluation'] })).not.toThrow();
  });

  it.each([
    ['kinds that leave them out', { kinds: ['training', 'statistics'] }, 'policy.kind'],
    ['a larger cohort', { minimumCohort: 21 }, 'policy.cohort'],
    ['another δ', { maximumDelta: 1e-6 }, 'policy.delta'],
    ['other models', { models: ['00'.repeat(32)] }, 'policy.model'],
    ['smaller models', { maximumParameters: 1801 }, 'policy.model-size'],
    ['jobs that protect each example', { units: ['example'] }, 'policy.unit'],
  ] as [string, Partial<ClientPolicy>, string][])(
    'declines one where it asks for %s',
    (_what, policy, code) => {
      expect(check(policy)).toThrow(expect.objectContaining({ code }));
    },
  );

  it('allows the evaluation of a model that it allows to be trained', () => {
    expect(check({ models: [modelFingerprint(primitives, model)], maximumParameters: 1802 })).not.toThrow();
  });

  it('counts their ε to the total of all jobs, under ever new names too', async () => {
    const journal = new MemoryJournal();
    const policy = usualPolicy();
    const spending = new Spending(journal, policy);
    const take = async (number: number) => {
      const job = known(evaluation({}, `how-good-${number}`), number.toString(16).padStart(64, '0'));
      const charge = chargeFor(job, { job: job.hash, round: 1, attempt: 0 }, job.plan.maximumCohort, NOW);
      return spending.charge(job, charge).then(
        () => undefined,
        (error: unknown) => (error as { code: string }).code,
      );
    };
    let refusal: string | undefined;
    let taken = 0;
    while (refusal === undefined && taken < 100) refusal = await take(taken++);
    expect(refusal).toBe('policy.budget-total');
    const charges = await journal.charges();
    expect(charges.length).toBeGreaterThan(2);
    expect(epsilonSpent(charges, policy.maximumDelta).coordinator).toBeLessThanOrEqual(
      policy.total?.coordinator ?? NaN,
    );
  });
});
