import { describe, expect, it } from 'vitest';
import {
  chargeFor,
  checkJob,
  epsilonSpent,
  MemoryJournal,
  protectionFor,
  Spending,
  trainOn,
  unitOf,
  type Charge,
  type ClientPolicy,
  type KnownTraining,
} from '@tutti/client';
import type { ExampleProtection, SharedProtection, Trainer } from '@tutti/client/training';
import {
  announceJob,
  encodingPlan,
  jobSchema,
  type AnnouncedJob,
  type JobInput,
} from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';
import { clusters } from '../training/support/models.js';

const NOW = Date.UTC(2026, 10, 25);
const policy: ClientPolicy = {
  units: ['client', 'example'],
  maximumEpsilon: 1e6,
  maximumDelta: 1e-2,
  minimumCohort: 6,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 3,
};

function announced(privacy: JobInput['privacy'] = {}): AnnouncedJob {
  return announceJob(
    jobSchema.parse({
      name: 'silos',
      model: { inputs: 4, classes: 3 },
      training: { batchSize: 12 },
      rounds: 10,
      cohort: { samplingRate: 0.5, minimum: 8, maximum: 12, survivorFraction: 0.75 },
      privacy: { unit: 'example', epsilon: 4, delta: 1e-3, batchRate: 0.1, ...privacy },
    }),
    24,
  );
}

const known = (job: AnnouncedJob, hash = '1'.repeat(64)): KnownTraining => ({
  hash,
  job,
  plan: encodingPlan(job),
  modelFingerprint: '0'.repeat(64),
});
const job = known(announced());
const charge = (of: KnownTraining, round: number): Charge =>
  chargeFor(of, { job: of.hash, round, attempt: 0 }, of.plan.maximumCohort, NOW);

type Protection = ExampleProtection | SharedProtection | undefined;
const protecting = (protection: Protection) =>
  ({ protection, train: (weights: Float32Array) => Promise.resolve(weights) }) as unknown as Trainer;
const perClient = protectionFor(job.job) as ExampleProtection;
const together = known(announced({ noise: 'shared' }), '3'.repeat(64));
const taskOf = (of: KnownTraining) => ({
  known: of,
  round: 1,
  model: new Float32Array(15),
  uniform: () => 0.5,
  random: seededRandom('task'),
  signal: new AbortController().signal,
});

describe('a client that is asked to protect each of its examples', () => {
  it('takes no part unless its owner agreed to this weaker promise', () => {
    const silent: ClientPolicy = { ...policy };
    Reflect.deleteProperty(silent, 'units');
    expect(() => checkJob(silent, job, NOW)).toThrow(
      expect.objectContaining({ code: 'policy.unit' }) as Error,
    );
    expect(() => checkJob(policy, job, NOW)).not.toThrow();
  });

  it('may agree to nothing else', () => {
    const client = known(announceJob(jobSchema.parse({ name: 'a', model: { inputs: 4, classes: 3 } }), 500));
    expect(() => checkJob({ ...policy, units: ['example'] }, client, NOW)).toThrow(
      expect.objectContaining({ code: 'policy.unit' }) as Error,
    );
  });

  it('refuses a job whose noise does not keep the ε that it states', async () => {
    const honest = announced();
    const { noiseMultiplier } = honest.privacy;
    const weak = known({ ...honest, privacy: { ...honest.privacy, noiseMultiplier: 0.8 * noiseMultiplier } });
    const spending = new Spending(new MemoryJournal(), policy);
    await expect(spending.check(job, charge(job, 10))).resolves.toBeUndefined();
    await expect(spending.check(weak, charge(weak, 10))).rejects.toMatchObject({
      code: 'policy.understated',
    });
  });

  it.each<[string, Partial<AnnouncedJob['privacy']>]>([
    ['larger batches', { batchRate: 0.3 }],
    ['more steps', { steps: 60 }],
  ])('refuses a job whose %s cost more than it states', async (_what, changes) => {
    const honest = announced();
    const dear = known({ ...honest, privacy: { ...honest.privacy, ...changes } });
    const spending = new Spending(new MemoryJournal(), policy);
    await expect(spending.check(dear, charge(dear, 10))).rejects.toMatchObject({
      code: 'policy.understated',
    });
  });

  it('believes no ε: its own limit holds whatever a job announces', async () => {
    const generous = known(announced({ epsilon: 1000, noiseMultiplier: 0.6 }));
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, maximumEpsilon: 15 });
    let rounds = 0;
    const all = async () => {
      for (let round = 1; round <= 10; round++) {
        await spending.charge(generous, charge(generous, round));
        rounds = round;
      }
    };
    await expect(all()).rejects.toMatchObject({ code: 'policy.budget' });
    expect(rounds).toBeGreaterThan(0);
    expect(epsilonSpent(await journal.charges(), 1e-3).coordinator).toBeLessThanOrEqual(15);
  });

  it('pays against everybody for the rounds that it was in, each with all its steps', () => {
    const one = epsilonSpent([charge(job, 1)], 1e-3);
    const two = epsilonSpent([charge(job, 1), charge(job, 2)], 1e-3);
    expect(one['released-model']).toBe(one.coordinator);
    expect(two.coordinator).toBeGreaterThan(one.coordinator);
  });

  it('counts the two units apart: neither says anything of the other', async () => {
    const client = known(
      announceJob(jobSchema.parse({ name: 'a', model: { inputs: 4, classes: 3 } }), 500),
      '2'.repeat(64),
    );
    expect([unitOf(charge(job, 1)), unitOf(charge(client, 1))]).toEqual(['example', 'client']);
    const journal = new MemoryJournal();
    const spending = new Spending(journal, { ...policy, total: { coordinator: 8 } });
    await spending.charge(job, charge(job, 1));
    await expect(spending.charge(client, charge(client, 1))).resolves.toBeUndefined();
  });

  it('takes no part where it has more examples than one over δ, and tells the coordinator nothing of why', async () => {
    const examples = clusters(60, 4, 3);
    const work = trainOn(
      () => examples,
      ({ job: { privacy, training } }) => protecting(protectionFor({ privacy, training })),
    );
    await expect(work.contribute(taskOf(job))).resolves.toHaveLength(15);
    const careless = known(announced({ delta: 0.05 }));
    // Not `policy.` nor `job.`: those codes are told.
    await expect(work.contribute(taskOf(careless))).rejects.toMatchObject({ code: 'client.delta' });
  });

  it.each<[string, Protection]>([
    ['without any', undefined],
    ['with less noise', { ...perClient, noiseMultiplier: 0.1 }],
    ['with more steps', { ...perClient, steps: 100 }],
    ['for noise that is shared', protectionFor(together.job)],
  ])('sends nothing that a trainer made %s', async (_what, protection) => {
    const work = trainOn(
      () => clusters(60, 4, 3),
      () => protecting(protection),
    );
    await expect(work.contribute(taskOf(job))).rejects.toMatchObject({ code: 'client.unprotected' });
  });

  describe('by noise that a cohort shares', () => {
    const agreed: ClientPolicy = { ...policy, exampleNoise: ['shared'] };

    it('takes no part unless its owner agreed to count on others', () => {
      expect(() => checkJob(policy, together, NOW)).toThrow(
        expect.objectContaining({ code: 'policy.noise' }),
      );
      expect(() => checkJob(agreed, together, NOW)).not.toThrow();
      expect(() => checkJob(agreed, job, NOW)).toThrow(expect.objectContaining({ code: 'policy.noise' }));
    });

    it('pays against everybody for each round, by its own accountant, beside what it paid for noise of its own', async () => {
      const one = epsilonSpent([charge(together, 1)], 1e-3);
      expect(one['released-model']).toBe(one.coordinator);
      expect(unitOf(charge(together, 1))).toBe('example');
      const both = epsilonSpent([charge(job, 1), charge(together, 1)], 1e-3);
      expect(both.coordinator).toBeGreaterThan(epsilonSpent([charge(job, 1)], 1e-3).coordinator);
      const { plan } = together;
      const understated = {
        ...together,
        plan: { ...plan, noiseVariance: Math.ceil(plan.noiseVariance / 9) },
      };
      const spending = new Spending(new MemoryJournal(), agreed);
      await expect(spending.check(understated, charge(understated, 10))).rejects.toMatchObject({
        code: 'policy.understated',
      });
    });

    it('gives its part of a step, and nothing that a trainer made otherwise', async () => {
      const part = Float32Array.from({ length: 15 }, (_, at) => at / 1000);
      const giving = (protection: Protection, step?: Trainer['step']) =>
        trainOn(
          () => clusters(60, 4, 3),
          () => ({ ...protecting(protection), ...(step && { step }) }),
        );
      const asked = protectionFor(together.job) as SharedProtection;
      await expect(giving(asked, () => Promise.resolve(part)).contribute(taskOf(together))).resolves.toEqual(
        part,
      );
      const refused: [Protection, Trainer['step']?][] = [
        [undefined],
        [perClient],
        [asked],
        [{ ...asked, clipNorm: 2 }, () => Promise.resolve(part)],
        [{ ...asked, learningRate: 2 }, () => Promise.resolve(part)],
        [{ ...asked, batchRate: 0.5 }, () => Promise.resolve(part)],
      ];
      for (const [protection, step] of refused) {
        await expect(giving(protection, step).contribute(taskOf(together))).rejects.toMatchObject({
          code: 'client.unprotected',
        });
      }
    });
  });
});
