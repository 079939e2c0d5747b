import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { decode, encode, epsilonOf, noiseDistance, releaseEvent } from '@tutti/shared/privacy';
import {
  announcedJobSchema,
  announceJob,
  encodeAnnouncedJob,
  encodingPlan,
  examplePrivacyOf,
  jobSchema,
  roundCost,
  type JobInput,
} from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const silos: JobInput = {
  name: 'silos',
  model: { inputs: 64, classes: 10 },
  training: { batchSize: 12 },
  rounds: 8,
  cohort: { samplingRate: 1, minimum: 8, maximum: 12, survivorFraction: 0.75 },
  privacy: { unit: 'example', epsilon: 4, delta: 1e-4, batchRate: 0.1 },
};
const job = (changes: Partial<JobInput> = {}) => jobSchema.parse({ ...silos, ...changes });
const privacy = (changes: JobInput['privacy']) => job({ privacy: { ...silos.privacy, ...changes } });
const thrown = (code: string) => expect.objectContaining({ code }) as Error;

describe('a job that protects each example', () => {
  const announced = announceJob(job(), 12);

  it('leaves nothing open once it is announced', () => {
    expect(announcedJobSchema.parse(JSON.parse(JSON.stringify(announced)))).toEqual(announced);
    expect(announced.privacy).toMatchObject({
      unit: 'example',
      noise: 'per-client',
      batchRate: 0.1,
      steps: 10,
    });
  });

  it('takes δ from nobody: how many examples there are is not known', () => {
    const open = job({ privacy: { unit: 'example', epsilon: 4 } });
    expect(announceJob(open, 12).privacy.delta).toBe(1e-5);
  });

  it('has the least noise with which all steps of all rounds fit the budget', () => {
    const cost = (noiseMultiplier: number) =>
      epsilonOf(
        {
          kind: 'repeated',
          count: 8 * 10,
          event: {
            kind: 'poisson-sampled',
            rate: 0.1,
            event: { kind: 'gaussian', noiseMultiplier, relation: 'add-or-remove', unit: 'example' },
          },
        },
        { delta: 1e-4 },
      );
    expect(cost(announced.privacy.noiseMultiplier)).toBeLessThanOrEqual(4);
    expect(cost(announced.privacy.noiseMultiplier * 0.999)).toBeGreaterThan(4);
  });

  it('counts on no draw of cohorts, and on nobody else’s noise', () => {
    const plan = encodingPlan(announced);
    const few = roundCost(announced, plan, plan.minimumSharers);
    expect(few).toEqual(roundCost(announced, plan, plan.maximumCohort));
    expect(few.sampling).toEqual({ kind: 'none' });
  });

  it('adds no noise to what is encoded, and never states any: what is summed comes out to the grid', () => {
    const plan = encodingPlan(announced);
    expect(() => releaseEvent(plan, plan.maximumCohort)).toThrow(thrown('privacy.no-noise'));
    expect(() => noiseDistance(plan, plan.maximumCohort)).toThrow(thrown('privacy.no-noise'));
    const rotationSeed = new Uint8Array(32).fill(3);
    const update = Float32Array.from({ length: 650 }, (_, at) => Math.sin(at) / 10);
    const options = { rotationSeed, primitives, sharers: 12 };
    const sent = encode(plan, update, { ...options, random: seededRandom('rounding') });
    const decoded = decode(plan, sent, options);
    const error = Math.hypot(...decoded.map((value, at) => value - (update[at] ?? 0)));
    expect(error).toBeLessThan(Math.sqrt(650) / plan.scale);
  });

  it.each<[string, JobInput['privacy']]>([
    ['less noise', { noiseMultiplier: announced.privacy.noiseMultiplier * 0.9 }],
    ['another clip norm', { clipNorm: 2 }],
    ['another batch rate', { batchRate: 0.2 }],
    ['more steps', { steps: 20 }],
  ])('is another job with %s: nothing of it can change between rounds', (_what, changes) => {
    const other = encodeAnnouncedJob(announceJob(privacy(changes), 12));
    expect(primitives.sha256(other)).not.toEqual(primitives.sha256(encodeAnnouncedJob(announced)));
  });

  it('is refused where not one round fits its budget', () => {
    expect(() => announceJob(privacy({ noiseMultiplier: 0.3 }), 12)).toThrow(thrown('job.budget-too-small'));
  });

  it.each<[string, Partial<JobInput>]>([
    [
      'personal layers',
      { model: { inputs: 64, classes: 10, hidden: [{ units: 8 }], personal: ['hidden_1'] } },
    ],
    ['typed arrays', { training: { backend: 'arrays' } }],
    ['a proximal term', { training: { proximal: 0.1 } }],
    ['weight decay', { training: { weightDecay: 0.1 } }],
    ['another clipping', { training: { maximumGradientNorm: 1 } }],
    ['weights of classes', { training: { classWeights: new Array<number>(10).fill(1) } }],
    ['an early stop', { training: { earlyStop: {} } }],
    ['canary clients', { audit: { required: true } }],
  ])('is refused with %s, and says so', (_what, changes) => {
    expect(() => announceJob(job(changes), 12)).toThrow(thrown('job.unit'));
  });

  it.each(['noise', 'batchRate', 'steps', 'updateNorm'])('alone has %s', (field) => {
    const value = field === 'noise' ? 'per-client' : 1;
    const parsed = jobSchema.safeParse({ name: 'job', model: silos.model, privacy: { [field]: value } });
    expect(parsed.error?.issues).toMatchObject([{ path: ['privacy', field] }]);
  });

  it.each(['noise', 'batchRate', 'steps', 'updateNorm'] as const)(
    'is not understood where its announcement lacks %s',
    (field) => {
      const rest = { ...announced.privacy };
      Reflect.deleteProperty(rest, field);
      expect(announcedJobSchema.safeParse({ ...announced, privacy: rest }).success).toBe(false);
    },
  );

  it('is not what an announcement about clients with steps in it is', () => {
    const disguised = { ...announced, privacy: { ...announced.privacy, unit: 'client' } };
    expect(announcedJobSchema.safeParse(disguised).success).toBe(false);
    expect(
      examplePrivacyOf(announceJob(jobSchema.parse({ name: 'a', model: silos.model }), 500).privacy),
    ).toBe(undefined);
  });
});
