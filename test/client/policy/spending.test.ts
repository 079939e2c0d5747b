import { describe, expect, it } from 'vitest';
import {
  chargeFor,
  epsilonSpent,
  MemoryJournal,
  Spending,
  type Charge,
  type ClientPolicy,
  type KnownJob,
  type KnownTraining,
} from '@tutti/client';
import { epsilonOf, releaseEvent } from '@tutti/shared/privacy';
import { announceJob, encodingPlan, jobSchema, sampledRelease, type JobInput } from '@tutti/shared/protocol';

const NOW = Date.UTC(2026, 10, 25);
const DAY = 86_400_000;
const policy: ClientPolicy = {
  maximumEpsilon: 1e6,
  maximumDelta: 1e-3,
  minimumCohort: 6,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 3,
};

function knownJob(hash: string, privacy: JobInput['privacy'] = { epsilon: 30, delta: 1e-3 }): KnownTraining {
  const cohort = { minimum: 6, maximum: 40, samplingRate: 0.1 };
  const input = { name: 'job', model: { inputs: 4, classes: 2 }, rounds: 50, cohort, privacy };
  const job = announceJob(jobSchema.parse(input), 400);
  return { hash, job, plan: encodingPlan(job), modelFingerprint: '0'.repeat(64) };
}

const one = knownJob('1'.repeat(64));
const other = knownJob('2'.repeat(64));
const charge = (known: KnownJob, round: number, time = NOW): Charge =>
  chargeFor(known, { job: known.hash, round, attempt: 0 }, known.plan.maximumCohort, time);

describe('ε that a client has spent', () => {
  it('counts every contribution against the coordinator, and none of the sampling', () => {
    const charges = [charge(one, 1), charge(one, 7), charge(other, 2)];
    const release = releaseEvent(one.plan, one.plan.maximumCohort);
    const expected = epsilonOf({ kind: 'repeated', count: 3, event: release }, { delta: 1e-3 });
    expect(epsilonSpent(charges, 1e-3).coordinator).toBeCloseTo(expected, 6);
  });

  it('counts every round from the first contribution to the latest against readers of the models', () => {
    const charges = [charge(one, 3), charge(one, 12)];
    const event = sampledRelease(one.job, one.plan);
    const expected = epsilonOf({ kind: 'repeated', count: 10, event }, { delta: 1e-3 });
    expect(epsilonSpent(charges, 1e-3)['released-model']).toBeCloseTo(expected, 6);
  });

  it('books the worst distance of the noise from its law for every round in between', () => {
    const [first, last] = [{ ...charge(one, 1), noiseDistance: 1e-7 }, charge(one, 9)];
    const all = [first, { ...last, noiseDistance: 1e-7 }];
    const { 'released-model': spent } = epsilonSpent([first, last], 1e-3);
    expect(spent).toBe(epsilonSpent(all, 1e-3)['released-model']);
    expect(spent).toBeGreaterThan(epsilonSpent([charge(one, 1), last], 1e-3)['released-model']);
  });

  it('is nothing before the first contribution', () => {
    expect(epsilonSpent([], 1e-3)).toEqual({ coordinator: 0, 'released-model': 0 });
  });
});

describe('how often a job may call a client', () => {
  it('is counted by the client itself, for each job', async () => {
    const limited: KnownJob = {
      ...one,
      job: { ...one.job, cohort: { ...one.job.cohort, participations: 2 } },
    };
    const journal = new MemoryJournal();
    const spending = new Spending(journal, policy);
    await spending.charge(other, charge(other, 1));
    await spending.charge(limited, charge(limited, 1));
    await spending.charge(limited, charge(limited, 2));
    await expect(spending.charge(limited, charge(limited, 3))).rejects.toMatchObject({
      code: 'policy.participations',
    });
    expect(await journal.charges()).toHaveLength(3);
  });
});

describe('a client’s own limits', () => {
  const spent = epsilonSpent([charge(one, 1), charge(one, 2)], 1e-3).coordinator;

  it.each<[string, Partial<ClientPolicy>, string]>([
    ['on one job', { maximumEpsilon: spent * 0.99 }, 'policy.budget'],
    ['on one job against readers', { maximumReleasedEpsilon: 1e-3 }, 'policy.budget'],
    ['over all jobs', { total: { coordinator: spent * 0.99 } }, 'policy.budget-total'],
    ['over all jobs against readers', { total: { releasedModel: 1e-3 } }, 'policy.budget-total'],
    ['within a period', { period: { days: 7, coordinator: spent * 0.99 } }, 'policy.budget-period'],
  ])('%s are held', async (_what, limits, code) => {
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, ...limits });
    await journal.charge(charge(one, 1));
    await expect(spending.check(one, charge(one, 2))).rejects.toMatchObject({ code });
    const roomier = new Spending(journal, policy);
    await expect(roomier.check(one, charge(one, 2))).resolves.toBeUndefined();
  });

  it('over all jobs count what other jobs cost', async () => {
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, total: { coordinator: spent * 0.99 } });
    await spending.charge(one, charge(one, 1));
    await expect(spending.charge(other, charge(other, 1))).rejects.toMatchObject({
      code: 'policy.budget-total',
    });
    expect(await journal.charges()).toHaveLength(1);
  });

  it('of a period let what is older go', async () => {
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, period: { days: 7, coordinator: spent * 0.99 } });
    await journal.charge(charge(one, 1, NOW - 7 * DAY));
    await expect(spending.check(one, charge(one, 2))).resolves.toBeUndefined();
    await journal.charge(charge(one, 2, NOW - 7 * DAY + 1));
    await expect(spending.check(one, charge(one, 3))).rejects.toMatchObject({ code: 'policy.budget-period' });
  });

  it('hold when two jobs are charged at the same moment', async () => {
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, total: { coordinator: spent * 0.99 } });
    const results = await Promise.allSettled([
      spending.charge(one, charge(one, 1)),
      spending.charge(other, charge(other, 1)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('are not what a job that understates its cost is measured by: it is refused by its own word', async () => {
    const honest = knownJob('3'.repeat(64));
    const { privacy } = honest.job;
    const lying = {
      ...honest,
      job: { ...honest.job, privacy: { ...privacy, epsilon: privacy.epsilon / 20 } },
    };
    const spending = new Spending(new MemoryJournal(), policy);
    await expect(spending.check(honest, charge(honest, 50))).resolves.toBeUndefined();
    await expect(spending.check(lying, charge(lying, 50))).rejects.toMatchObject({
      code: 'policy.understated',
    });
    // A budget that is for fewer rounds than the job has is kept to, round by round.
    await expect(spending.check(honest, charge(honest, 500))).rejects.toMatchObject({
      code: 'policy.understated',
    });
  });
});
