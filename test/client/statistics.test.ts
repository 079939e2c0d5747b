import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  chargeFor,
  checkJob,
  countOn,
  isKnownStatistics,
  Library,
  MemoryJournal,
  Spending,
  trainOn,
  workByKind,
  type ClientPolicy,
  type KnownJob,
  type Task,
} from '@tutti/client';
import { csvSource, readNumbers } from '@tutti/client/data';
import { toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { statisticsLength, statisticsNorm } from '@tutti/shared/learning';
import {
  announceStatistics,
  encodeAnnouncedJob,
  statisticsJobSchema,
  type AnnouncedStatistics,
} from '@tutti/shared/protocol';
import { temporaryDirectory } from '../support/temporary.js';

const NOW = Date.UTC(2026, 10, 25);
const policy: ClientPolicy = {
  maximumEpsilon: 50,
  maximumDelta: 1e-3,
  minimumCohort: 12,
  minimumCorruptFraction: 0.05,
  maximumAttempts: 3,
};

let job: AnnouncedStatistics;

beforeAll(() => {
  job = announceStatistics(
    statisticsJobSchema.parse({
      name: 'ages',
      kind: 'statistics',
      statistics: {
        columns: [
          { name: 'age', lower: 0, upper: 100 },
          { name: 'ratio', lower: 0, upper: 1 },
        ],
        bins: 4,
        rowsPerClient: 3,
      },
      cohort: { minimum: 20, maximum: 40, samplingRate: 0.2 },
      privacy: { epsilon: 2, delta: 1e-4 },
    }),
    200,
  );
});

/** The job as a client gets it from a coordinator that has changed it. */
async function known(change: (job: AnnouncedStatistics) => void = () => undefined): Promise<KnownJob> {
  const changed = structuredClone(job);
  change(changed);
  const bytes = encodeAnnouncedJob(changed);
  const library = new Library({ fetch: () => Promise.resolve(bytes) }, primitives);
  return library.job(toHex(primitives.sha256(bytes)));
}

const task = (of: KnownJob): Task => ({
  known: of,
  round: 1,
  model: new Float32Array(0),
  uniform: () => 0,
  random: systemRandom,
  signal: new AbortController().signal,
});

const codeOf = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
};

describe('a client that is asked for statistics', () => {
  it('agrees to what its owner agrees to, and knows what it costs', async () => {
    const found = await known();
    expect(isKnownStatistics(found)).toBe(true);
    expect(codeOf(() => checkJob(policy, found, NOW))).toBeUndefined();
    const reference = { job: found.hash, round: 1, attempt: 0 };
    const charge = chargeFor(found, reference, found.plan.maximumCohort, NOW);
    const spending = new Spending(new MemoryJournal(), policy);
    await expect(spending.check(found, charge)).resolves.toBeUndefined();
    const strict = new Spending(new MemoryJournal(), { ...policy, maximumEpsilon: 2 });
    // Against the coordinator, who knows who took part, nothing is amplified.
    await expect(strict.check(found, charge)).rejects.toMatchObject({ code: 'policy.budget' });
  });

  it.each<[string, string, Partial<ClientPolicy>, (job: AnnouncedStatistics) => void]>([
    ['where it only trains', 'policy.kind', { kinds: ['training'] }, () => undefined],
    ['of a column that its owner does not allow', 'policy.columns', { columns: ['age'] }, () => undefined],
    [
      'where its owner has listed other models',
      'policy.model',
      { models: ['0'.repeat(64)] },
      () => undefined,
    ],
    ['of fewer clients than its owner asks for', 'policy.cohort', {}, (lie) => (lie.cohort.minimum = 8)],
    ['of nobody but itself', 'job.malformed', {}, (lie) => (lie.cohort.minimum = 1)],
    ['at a δ beyond its owner’s', 'policy.delta', {}, (lie) => (lie.privacy.delta = 0.01)],
    ['for a bound that was lowered', 'job.malformed', {}, (lie) => (lie.privacy.clipNorm = 1)],
    [
      'over a range that was turned round',
      'job.malformed',
      {},
      (lie) => (lie.statistics.columns[0]!.upper = -1),
    ],
  ])('declines statistics %s', async (_what, code, overrides, change) => {
    const outcome = known(change).then((found) => checkJob({ ...policy, ...overrides }, found, NOW));
    await expect(outcome).rejects.toMatchObject({ code });
  });

  it.each<[string, (job: AnnouncedStatistics) => void]>([
    ['less noise than its ε needs', (lie) => (lie.privacy.noiseMultiplier /= 2)],
    ['a smaller ε than its noise gives', (lie) => (lie.privacy.epsilon /= 2)],
  ])('declines statistics with %s', async (_what, change) => {
    const found = await known(change);
    const charge = chargeFor(found, { job: found.hash, round: 1, attempt: 0 }, 40, NOW);
    const spending = new Spending(new MemoryJournal(), policy);
    await expect(spending.check(found, charge)).rejects.toMatchObject({ code: 'policy.understated' });
  });

  it('encodes for the bound of the columns, whatever else changed: wider ranges and more ranges cost no more', async () => {
    const wide = await known((lie) => (lie.statistics.columns[0]!.upper = 1e9));
    expect(wide.plan.clipNorm).toBe(statisticsNorm(job.statistics));
  });
});

describe('counting', () => {
  it('clips what lies beyond the bounds, and never sends more than the bound', async () => {
    const work = countOn(() => [
      [1e12, -5],
      [50, 0.5],
    ]);
    const clipped = countOn(() => [
      [100, 0],
      [50, 0.5],
    ]);
    const found = await known();
    const vector = await work.contribute(task(found));
    expect(vector).toEqual(await clipped.contribute(task(found)));
    expect(vector).toHaveLength(statisticsLength(job.statistics));
    expect(Math.hypot(...vector)).toBeLessThanOrEqual(found.plan.clipNorm * (1 + 1e-6));
  });

  it('is not training: each refuses the other’s jobs', async () => {
    const trains = trainOn(
      () => Promise.reject(new Error('asked for rows')),
      () => Promise.reject(new Error('asked for a trainer')),
    );
    await expect(trains.contribute(task(await known()))).rejects.toMatchObject({ code: 'job.kind' });
    const both = workByKind({ training: trains, statistics: countOn(() => []) });
    expect((await both.contribute(task(await known()))).every((value) => value === 0)).toBe(true);
  });
});

describe('columns to be counted', () => {
  const read = async (names: readonly string[], options: Parameters<typeof readNumbers>[2] = {}) => {
    const path = join(await temporaryDirectory(), 'rows.csv');
    await writeFile(path, 'who,age,ratio,town\na,41,0.5,Ulm\nb,,0.25,Bonn\nc,63,1e-1,Jena\n');
    const rows: number[][] = [];
    for await (const row of readNumbers(csvSource(path), names, options)) rows.push([...row]);
    return rows;
  };

  it('are read in the order of the job, an empty cell as missing', async () => {
    expect(await read(['ratio', 'age'])).toEqual([
      [0.5, 41],
      [0.25, NaN],
      [Math.fround(0.1), 63],
    ]);
  });

  it('are none that the owner does not allow, nor the one that says whose a row is', async () => {
    const refused = { code: 'policy.columns' };
    await expect(read(['age'], { allowed: ['ratio'] })).rejects.toMatchObject(refused);
    const withdrawn = { column: 'who', leaveOut: () => Promise.resolve([1]) };
    await expect(read(['who'], { withdrawn })).rejects.toMatchObject(refused);
  });

  it('leave out rows of people who withdrew', async () => {
    const withdrawn = {
      column: 'who',
      leaveOut: (subjects: readonly string[]) => Promise.resolve([subjects.indexOf('b')]),
    };
    expect(await read(['age'], { withdrawn })).toEqual([[41], [63]]);
  });

  it('are refused with the place, and without what stands there, where they hold words', async () => {
    await expect(read(['town'])).rejects.toMatchObject({ code: 'data.not-a-number' });
    await expect(read(['town'])).rejects.toThrow(/line 2, column “town”/);
    await expect(read(['town'])).rejects.not.toThrow(/Ulm/);
    await expect(read(['height'])).rejects.toMatchObject({ code: 'data.header' });
  });
});
