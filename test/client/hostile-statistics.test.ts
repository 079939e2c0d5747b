import { describe, expect, it } from 'vitest';
import {
  chargeFor,
  checkJob,
  countOn,
  epsilonSpent,
  knownJob,
  MemoryJournal,
  Spending,
  type KnownJob,
} from '@tutti/client';
import { usualPolicy } from '@tutti/client/daemon';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { RowCounter, statisticsNorm } from '@tutti/shared/learning';
import {
  announcedStatisticsSchema,
  announceJob,
  announceStatistics,
  jobSchema,
  statisticsJobSchema,
  type AnnouncedStatistics,
} from '@tutti/shared/protocol';
import { contributionOf } from '../../packages/client/src/contribution.js';
import { seededRandom } from '../support/seeded-random.js';

const NOW = Date.UTC(2026, 10, 25);
const DAY = 86_400_000;
const terms = {
  cohort: { minimum: 20, maximum: 40, samplingRate: 1 },
  privacy: { epsilon: 8, delta: 1e-5 },
};

const statistics = announceStatistics(
  statisticsJobSchema.parse({
    name: 'ages',
    kind: 'statistics',
    statistics: { columns: [{ name: 'age', lower: 0, upper: 100 }], bins: 4, rowsPerClient: 3 },
    ...terms,
  }),
  200,
);
const training = announceJob(
  jobSchema.parse({ name: 'trains', model: { inputs: 4, classes: 2 }, rounds: 1, ...terms }),
  200,
);

let made = 0;
/** The same under another name, and so another job. */
const another = (announced: AnnouncedStatistics | typeof training = statistics): KnownJob => {
  const number = ++made;
  return knownJob(primitives, number.toString(16).padStart(64, '0'), {
    ...announced,
    name: `${announced.name}-${number}`,
  });
};

async function take(spending: Spending, known: KnownJob, time = NOW): Promise<string | undefined> {
  const charge = chargeFor(known, { job: known.hash, round: 1, attempt: 0 }, known.plan.maximumCohort, time);
  return spending.charge(known, charge).then(
    () => undefined,
    (error: unknown) => (error as Refusal).code,
  );
}

describe('an owner who leaves the policy as it is', () => {
  it('is asked for the same figures under ever new names until the budget over all jobs is spent, and no further', async () => {
    const journal = new MemoryJournal();
    const policy = usualPolicy();
    const spending = new Spending(journal, policy);
    let refusal: string | undefined;
    for (let job = 0; job < 100 && refusal === undefined; job++) refusal = await take(spending, another());
    expect(refusal).toBe('policy.budget-total');
    const charges = await journal.charges();
    expect(charges.length).toBeGreaterThan(3);
    expect(epsilonSpent(charges, policy.maximumDelta).coordinator).toBeLessThanOrEqual(
      policy.total?.coordinator ?? NaN,
    );
    // A job that trains has no account of its own to go on with.
    expect(await take(spending, another(training))).toBe('policy.budget-total');
  });

  it('takes part in no sum of fewer clients than that, whoever they are said to be', () => {
    const few = another({ ...statistics, cohort: { ...statistics.cohort, minimum: 3 } });
    expect(() => checkJob(usualPolicy(), few, NOW)).toThrow(
      expect.objectContaining({ code: 'policy.cohort' }),
    );
    for (const minimum of [0, 1, 2]) {
      const alone = { ...statistics, cohort: { ...statistics.cohort, minimum } };
      expect(announcedStatisticsSchema.safeParse(alone).success).toBe(false);
    }
  });
});

it('a limit within days is one over jobs that count and jobs that train, and is there again afterwards', async () => {
  const policy = { ...usualPolicy(), period: { days: 30, coordinator: 9 } };
  const spending = new Spending(new MemoryJournal(), policy);
  expect(await take(spending, another())).toBeUndefined();
  expect(await take(spending, another(training), NOW + DAY)).toBe('policy.budget-period');
  expect(await take(spending, another(), NOW + 29 * DAY)).toBe('policy.budget-period');
  expect(await take(spending, another(), NOW + 31 * DAY)).toBeUndefined();
});

describe('bounds that are chosen to single somebody out', () => {
  it.each<[string, number, number, number]>([
    ['so narrow that one value alone is between them', 41.999_999, 42.000_001, 1],
    ['with no number between them', 42, 42 * (1 + Number.EPSILON), 1],
    ['far beyond all values but one', 1e29, 1e30, 1],
    ['as wide as they may be', -1e30, 1e30, 1],
    ['for a client that counts as a million rows', 0, 1, 1_000_000],
    ['for a client of whose rows each counts as a fraction', 0, 1, 1.5],
  ])('move the sum by no more than the noise is made for: %s', (_what, lower, upper, rowsPerClient) => {
    const random = seededRandom(`${lower} ${upper}`);
    for (const bins of [0, 1, 1000]) {
      const shape = { columns: [{ name: 'age', lower, upper }], bins, rowsPerClient, quantiles: [] };
      for (const rows of [1, 2, 50]) {
        const counter = new RowCounter(shape);
        const odd = [42, lower, upper, -Infinity, Infinity, Number.MAX_VALUE, -1e300, 5e-324, NaN];
        for (let row = 0; row < rows; row++) {
          counter.add([odd[(random.fill(new Uint8Array(1))[0] ?? 0) % odd.length] ?? NaN]);
        }
        const vector = counter.vector();
        expect(vector.every(Number.isFinite)).toBe(true);
        expect(Math.hypot(...vector)).toBeLessThanOrEqual(statisticsNorm(shape) * (1 + 1e-6));
      }
    }
  });

  it('are refused where one column is counted twice: its rows would weigh more than its bound', () => {
    const [age] = statistics.statistics.columns;
    const columns = [age, { ...age, upper: 50 }] as typeof statistics.statistics.columns;
    const shape = { ...statistics.statistics, columns };
    const twice = {
      ...statistics,
      statistics: shape,
      privacy: { ...statistics.privacy, clipNorm: statisticsNorm(shape) },
    };
    expect(announcedStatisticsSchema.safeParse(twice).error?.issues.map(({ message }) => message)).toEqual([
      'a column is named twice',
    ]);
  });
});

describe('a column that holds words where somebody has a diagnosis', () => {
  const task = (known: KnownJob) => ({
    known,
    round: 1,
    model: new Float32Array(0),
    uniform: () => 0,
    random: systemRandom,
    signal: new AbortController().signal,
  });
  const failing = (code: string) =>
    countOn(() => {
      throw new Refusal(code, 'rows.csv, line 7, column “age”: no number.', 'Correct it.');
    });

  it('is no question that is answered beside the noise: zeros go into the sum, and only the owner is told', async () => {
    const told: string[] = [];
    const known = another();
    const vector = await contributionOf(failing('data.not-a-number'), task(known), ({ message }) =>
      told.push(message),
    );
    expect(vector).toHaveLength(known.plan.dimension);
    expect(vector.every((value) => value === 0)).toBe(true);
    expect(told).toEqual(['rows.csv, line 7, column “age”: no number.']);
  });

  it('is another matter than a column that nobody has: a header says nothing of anybody', async () => {
    await expect(contributionOf(failing('data.header'), task(another()), () => undefined)).rejects.toThrow(
      'The work on the data failed.',
    );
  });
});
