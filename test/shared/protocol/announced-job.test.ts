import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { epsilonOf } from '@tutti/shared/privacy';
import {
  announcedJobSchema,
  announceJob,
  encodingPlan,
  jobSchema,
  rotationSeed,
  roundHashes,
  roundNumberOf,
  sampledRelease,
  type JobInput,
} from '@tutti/shared/protocol';

const job = (overrides: Partial<JobInput> = {}) =>
  jobSchema.parse({ name: 'test', model: { inputs: 64, classes: 10 }, ...overrides });
const reference = { job: 'a'.repeat(64), round: 3, attempt: 1 };
const model = 'b'.repeat(64);

describe('an announced job', () => {
  it('leaves nothing open, and says nothing of how a simulation makes up its clients', () => {
    const announced = announceJob(job(), 500);
    expect(announcedJobSchema.parse(JSON.parse(JSON.stringify(announced)))).toEqual(announced);
    expect(announced).not.toHaveProperty('simulation');
    expect(announced.data).toEqual({ label: 'label', offset: 0, scale: 16 });
  });

  it.each([
    ['of few clients', 12, 1e-4],
    ['of many', 50_000, 1 / 500_000],
  ])('%s counts on a δ that clients take', (_many, clients, delta) => {
    expect(announceJob(job(), clients).privacy.delta).toBe(delta);
  });

  it('has the least noise with which all rounds fit the budget', () => {
    const announced = announceJob(job(), 500);
    const { delta, noiseMultiplier, epsilon } = announced.privacy;
    const cost = (multiplier: number) => {
      const settled = { ...announced, privacy: { ...announced.privacy, noiseMultiplier: multiplier } };
      return epsilonOf(
        { kind: 'repeated', count: announced.rounds, event: sampledRelease(settled, encodingPlan(settled)) },
        { delta },
      );
    };
    expect(cost(noiseMultiplier)).toBeLessThanOrEqual(epsilon);
    expect(cost(noiseMultiplier * 0.999)).toBeGreaterThan(epsilon);
  });

  it('is refused where not one round fits its budget', () => {
    const poor = job({ privacy: { epsilon: 1, noiseMultiplier: 0.2 } });
    expect(() => announceJob(poor, 500)).toThrow(
      expect.objectContaining({ code: 'job.budget-too-small' }) as Error,
    );
  });

  it.each([
    ['calibrated for all rounds', { epsilon: 500 }],
    ['given', { epsilon: 500, noiseMultiplier: 0.1 }],
  ])('is refused where so little noise is %s that its distance from its law outgrows δ', (_, privacy) => {
    expect(() => announceJob(job({ privacy }), 500)).toThrow(
      expect.objectContaining({ code: 'job.budget-too-large' }) as Error,
    );
  });

  it('may be given noise that the budget stops before all rounds are made', () => {
    const announced = announceJob(job({ rounds: 100_000, privacy: { epsilon: 4, noiseMultiplier: 1 } }), 500);
    expect(announced.rounds).toBe(100_000);
  });
});

describe('the smallest cohort of a job', () => {
  const announce = (cohort: Partial<NonNullable<JobInput['cohort']>>) =>
    announceJob(job({ cohort: { maximum: 80, ...cohort } }), 500);

  it('may be four, of whom one may collude and nobody is lost', () => {
    expect(announce({ minimum: 4 }).cohort.minimum).toBe(4);
  });

  it.each([
    [
      'three, of whom one may collude and the noise needs three',
      { minimum: 3 },
      'job.cohort-too-small',
      'minimum to 4',
    ],
    [
      'three where there can be no more',
      { minimum: 3, maximum: 3 },
      'job.cohort-too-small',
      'survivorFraction',
    ],
    [
      'twelve of whom so many may be lost that none is a quorum',
      { survivorFraction: 0.5 },
      'secagg.infeasible',
      'larger cohort',
    ],
  ])('may not be %s', (_, cohort, code, cure) => {
    expect(() => announce(cohort)).toThrow(
      expect.objectContaining({ code, remedy: expect.stringContaining(cure) as string }) as Error,
    );
  });
});

describe('what a round is called', () => {
  it('grows with every attempt and every round', () => {
    const numbers = [
      { ...reference, round: 1, attempt: 0 },
      { ...reference, round: 1, attempt: 1 },
      { ...reference, round: 1, attempt: 1000 },
      { ...reference, round: 2, attempt: 0 },
    ].map(roundNumberOf);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it('changes with the job, the model, the quantisation and the noise, each in its own hash', () => {
    const announced = announceJob(job(), 500);
    const plan = encodingPlan(announced);
    const honest = roundHashes(primitives, reference, model, plan);
    const other = (change: Partial<typeof plan>) =>
      roundHashes(primitives, reference, model, { ...plan, ...change });
    expect(roundHashes(primitives, reference, 'c'.repeat(64), plan).modelHash).not.toEqual(honest.modelHash);
    expect(roundHashes(primitives, { ...reference, job: 'd'.repeat(64) }, model, plan).modelHash).not.toEqual(
      honest.modelHash,
    );
    expect(other({ clipNorm: 2 }).quantHash).not.toEqual(honest.quantHash);
    expect(other({ scale: plan.scale * 2 }).quantHash).not.toEqual(honest.quantHash);
    expect(other({ noiseVariance: plan.noiseVariance - 1 }).dpHash).not.toEqual(honest.dpHash);
    expect(other({ honestPpm: plan.honestPpm + 1 }).dpHash).not.toEqual(honest.dpHash);
  });

  it('has a rotation of its own, the same for everybody', () => {
    const seeds = [
      rotationSeed(primitives, reference, model),
      rotationSeed(primitives, { ...reference, attempt: 2 }, model),
      rotationSeed(primitives, { ...reference, round: 4 }, model),
      rotationSeed(primitives, reference, 'c'.repeat(64)),
    ].map((seed) => Buffer.from(seed).toString('hex'));
    expect(new Set(seeds).size).toBe(4);
    expect(rotationSeed(primitives, { ...reference }, model)).toEqual(
      rotationSeed(primitives, reference, model),
    );
  });
});
