import { describe, expect, it } from 'vitest';
import { statisticsNorm } from '@tutti/shared/learning';
import { Account, decode, encode, noiseDistance, releaseEvent } from '@tutti/shared/privacy';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  announce,
  announcementSchema,
  announceStatistics,
  encodeAnnouncedJob,
  planOf,
  statisticsJobSchema,
  sumNoise,
  type StatisticsJobInput,
} from '@tutti/shared/protocol';

const base: StatisticsJobInput = {
  name: 'ages',
  kind: 'statistics',
  statistics: { lower: 0, upper: 100, columns: [{ name: 'age' }, { name: 'ratio', lower: -1, upper: 1 }] },
  cohort: { minimum: 20, maximum: 100, samplingRate: 0.5 },
  rounds: 3,
  privacy: { epsilon: 2, delta: 1e-4 },
};

const announced = (changes: Partial<StatisticsJobInput> = {}) =>
  announceStatistics(statisticsJobSchema.parse({ ...base, ...changes }), 100);

describe('a job of statistics', () => {
  it('is announced with every bound in its place, and reads back as it was', () => {
    const job = announced();
    expect(job.statistics.columns).toEqual([
      { name: 'age', lower: 0, upper: 100 },
      { name: 'ratio', lower: -1, upper: 1 },
    ]);
    expect(job.privacy.clipNorm).toBe(statisticsNorm(job.statistics));
    expect(announcementSchema.parse(JSON.parse(new TextDecoder().decode(encodeAnnouncedJob(job))))).toEqual(
      job,
    );
  });

  it('has the least noise that its rounds need, by an account of the events themselves', () => {
    const job = announced();
    const plan = planOf(job);
    const event = {
      kind: 'poisson-sampled',
      rate: 0.5,
      event: releaseEvent(plan, plan.maximumCohort),
    } as const;
    const spent = new Account()
      .charge({ kind: 'repeated', count: 3, event }, 3 * noiseDistance(plan, plan.maximumCohort))
      .epsilon(1e-4);
    expect(spent).toBeLessThanOrEqual(2);
    expect(spent).toBeGreaterThan(1.99);
  });

  it('is encoded for the bound that follows from its columns', () => {
    const wider = announced({ statistics: { ...base.statistics, rowsPerClient: 20 } });
    expect(planOf(wider).clipNorm).toBe(2 * planOf(announced()).clipNorm);
  });

  it.each([
    ['without bounds', [{ name: 'age' }], {}],
    ['with one bound', [{ name: 'age', lower: 0 }], {}],
    ['whose bounds leave no room', [{ name: 'age', lower: 1, upper: 1 }], {}],
    ['named twice', [{ name: 'age' }, { name: 'age' }], { lower: 0, upper: 1 }],
  ])('is refused with a column %s', (_what, columns, bounds) => {
    const job = statisticsJobSchema.parse({ ...base, statistics: { columns, ...bounds } });
    expect(() => announce(job, 100)).toThrow(expect.objectContaining({ code: 'job.columns' }));
  });

  it('is refused where its noise does not fit its budget', () => {
    expect(() => announced({ privacy: { epsilon: 0.1, delta: 1e-4, noiseMultiplier: 0.5 } })).toThrow(
      expect.objectContaining({ code: 'job.budget-too-small' }),
    );
  });

  it('cannot be of one client: sums of fewer than three are no job', () => {
    expect(statisticsJobSchema.safeParse({ ...base, cohort: { minimum: 1 } }).success).toBe(false);
  });

  it('cannot have a model, and a job that trains has no statistics', () => {
    expect(statisticsJobSchema.safeParse({ ...base, model: { inputs: 1, classes: 2 } }).success).toBe(false);
  });

  it('states the noise of its sums as it is: no less, and little more', () => {
    const plan = planOf(announced());
    const zeros = new Float32Array(plan.dimension);
    const rotationSeed = new Uint8Array(32);
    const options = { rotationSeed, sharers: 100, random: systemRandom, primitives };
    // A hundred clients, each with its share of noise, none with any rows.
    const lanes = Array.from({ length: 100 }, () => encode(plan, zeros, options));
    const sum = lanes.reduce((a, b) => {
      b.forEach((value, place) => (a[place] = (a[place] ?? 0) + value));
      return a;
    });
    const noise = decode(plan, sum, { rotationSeed, primitives });
    const measured = Math.sqrt(noise.reduce((all, value) => all + value ** 2, 0) / noise.length);
    // Seventy numbers: their spread is known to 8 %, and 40 % is five deviations.
    expect(measured / sumNoise(plan, 1)).toBeGreaterThan(0.6);
    expect(measured / sumNoise(plan, 1)).toBeLessThan(1.4);
  });

  it.each([
    ['a smaller bound than its columns add up to', (job) => (job.privacy.clipNorm /= 2)],
    ['bounds that cross', (job) => (job.statistics.columns[0]!.lower = 200)],
    ['one column twice', (job) => (job.statistics.columns[1]!.name = 'age')],
    ['a unit that is not a client', (job) => ((job.privacy as { unit: string }).unit = 'example')],
  ] as [string, (job: ReturnType<typeof announced>) => void][])(
    'does not read back where it was announced with %s',
    (_what, spoil) => {
      const job = structuredClone(announced());
      spoil(job);
      expect(announcementSchema.safeParse(job).success).toBe(false);
    },
  );
});
