import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { decode, encode, epsilonOf, noiseDistance, releaseEvent } from '@tutti/shared/privacy';
import {
  announcedJobSchema,
  announceJob,
  encodeAnnouncedJob,
  encodingPlan,
  jobSchema,
  roundCost,
  type JobInput,
} from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const together: JobInput = {
  name: 'together',
  model: { inputs: 64, classes: 10 },
  training: { batchSize: 12, learningRate: 0.5 },
  rounds: 80,
  cohort: { samplingRate: 1, minimum: 8, maximum: 12, survivorFraction: 0.75 },
  privacy: { unit: 'example', noise: 'shared', epsilon: 4, delta: 1e-4, batchRate: 0.1 },
};
const job = (changes: Partial<JobInput> = {}) => jobSchema.parse({ ...together, ...changes });
const privacy = (changes: JobInput['privacy']) => job({ privacy: { ...together.privacy, ...changes } });
const thrown = (code: string) => expect.objectContaining({ code }) as Error;

describe('a job whose clients share the noise that protects each example', () => {
  const announced = announceJob(job(), 12);
  const plan = encodingPlan(announced);

  it('leaves nothing open once it is announced: a round is one step', () => {
    expect(announcedJobSchema.parse(JSON.parse(JSON.stringify(announced)))).toEqual(announced);
    expect(announced.privacy).toMatchObject({ noise: 'shared', steps: 1, batchRate: 0.1, updateNorm: 0.75 });
  });

  it('sizes the noise by one example, and not by all that a client adds up', () => {
    expect(plan.clipNorm).toBe(0.75);
    // The learning rate times the clip norm, over the expected batch; a thousandth for 32-bit arithmetic.
    expect(plan.unitNorm! / (0.5 / 12)).toBeGreaterThan(1 + 9e-4);
    expect(plan.unitNorm! / (0.5 / 12)).toBeLessThan(1 + 1.1e-3);
    expect(Math.sqrt(plan.noiseVariance)).toBeGreaterThanOrEqual(
      announced.privacy.noiseMultiplier * plan.l2Bound,
    );
    expect(plan.l2Bound).toBeGreaterThan(plan.scale * plan.unitNorm! + Math.sqrt(plan.dimension));
    expect(plan.roundingInflation).toBeLessThan(1.01);
  });

  it('counts a sum over a sample of its examples, against everybody alike, and no draw of cohorts', () => {
    const half = announceJob(job({ cohort: { ...together.cohort, samplingRate: 0.9 } }), 14);
    for (const one of [announced, half]) {
      const cost = roundCost(one, encodingPlan(one), 10);
      expect(cost.sampling).toEqual({ kind: 'none' });
      expect(cost.release).toMatchObject({
        kind: 'poisson-sampled',
        rate: 0.1,
        event: { kind: 'distributed-discrete-gaussian', relation: 'add-or-remove', unit: 'example' },
      });
      expect(cost.noiseDistance).toBe(noiseDistance(encodingPlan(one), 10));
    }
  });

  it('has the least noise with which all rounds fit the budget, no more than central DP-SGD needs', () => {
    const all = (sharers: number) =>
      epsilonOf(
        { kind: 'repeated', count: 80, event: roundCost(announced, plan, sharers).release },
        { delta: 1e-4 },
      );
    expect(all(12)).toBeLessThanOrEqual(4);
    expect(all(12)).toBeGreaterThan(3.99);
    // Each share is sized by the number of sharers.
    expect(all(8)).toBeCloseTo(all(12), 6);
    const central = epsilonOf(
      {
        kind: 'repeated',
        count: 80,
        event: {
          kind: 'poisson-sampled',
          rate: 0.1,
          event: {
            kind: 'gaussian',
            noiseMultiplier: announced.privacy.noiseMultiplier,
            relation: 'add-or-remove',
            unit: 'example',
          },
        },
      },
      { delta: 1e-4 },
    );
    expect(all(12)).toBeGreaterThanOrEqual(central * (1 - 1e-6));
    expect(all(12)).toBeLessThan(central * 1.01);
  });

  it('needs more noise where batches are whole, which hides nobody in them', () => {
    const whole = announceJob(privacy({ batchRate: 1 }), 12);
    expect(whole.privacy.noiseMultiplier).toBeGreaterThan(4 * announced.privacy.noiseMultiplier);
  });

  it('adds up by the guaranteed shares to the noise that is counted', () => {
    const rotationSeed = new Uint8Array(32).fill(1);
    const sum = new Uint32Array(plan.paddedDimension);
    expect(plan.laneBits).toBe(32);
    for (let client = 0; client < 12; client++) {
      encode(plan, new Float32Array(650), {
        rotationSeed,
        sharers: 12,
        random: seededRandom(`shared noise ${client}`),
        primitives,
      }).forEach((lane, at) => (sum[at] = sum[at]! + lane));
    }
    const decoded = decode(plan, sum, { rotationSeed, primitives });
    const deviation = Math.hypot(...decoded) / Math.sqrt(650);
    const guaranteed = Math.sqrt(plan.noiseVariance) / plan.scale;
    expect(deviation / (guaranteed / Math.sqrt(plan.honestFraction))).toBeGreaterThan(0.9);
    expect(deviation / (guaranteed / Math.sqrt(plan.honestFraction))).toBeLessThan(1.1);
  });

  it.each([
    ['an optimiser of the client', { training: { optimiser: 'adam' } }, /server.optimiser/],
    ['a schedule', { training: { schedule: 'cosine' } }, /one learning rate/],
    ['a warm-up', { training: { warmUp: 3 } }, /one learning rate/],
    ['several passes', { training: { epochs: 2 } }, /one step/],
    ['weight decay', { training: { weightDecay: 0.1 } }, /weightDecay/],
    ['typed arrays', { training: { backend: 'arrays' } }, /arrays/],
    ['an audit of other noise', { audit: { required: true, unit: 'example' } }, /noise of one client/],
  ] as const)('is refused with %s, and says so', (_what, changes, reason) => {
    expect(() => announceJob(job(changes), 12)).toThrow(thrown('job.unit'));
    expect(() => announceJob(job(changes), 12)).toThrow(reason);
  });

  it('is refused with several steps in a round', () => {
    const parsed = jobSchema.safeParse({ ...together, privacy: { ...together.privacy, steps: 2 } });
    expect(parsed.error?.issues).toMatchObject([{ path: ['privacy', 'steps'] }]);
    const lying = { ...announced, privacy: { ...announced.privacy, steps: 3 } };
    expect(announcedJobSchema.safeParse(lying).success).toBe(false);
  });

  it('has another name than the same job with noise of each client', () => {
    const alone = announceJob(privacy({ noise: 'per-client', steps: 1 }), 12);
    expect(encodeAnnouncedJob(alone)).not.toEqual(encodeAnnouncedJob(announced));
    expect(encodingPlan(alone).noiseLaw).toBe('none');
    expect(() => releaseEvent(encodingPlan(alone), 10)).toThrow(thrown('privacy.no-noise'));
  });
});
