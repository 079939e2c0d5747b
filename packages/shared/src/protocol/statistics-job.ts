import { z } from 'zod';
import { Refusal } from '../errors.js';
import { planEncoding, type EncodingPlan } from '../privacy/index.js';
import { statisticsLength, statisticsNorm } from '../learning/index.js';
import { jobSchema } from './job.js';
import { deltaOf } from './job-privacy.js';
import { legalBasisSchema, specialCategoriesSchema } from './processing.js';
import { withSettledNoise } from './settled-noise.js';

const { name, purpose, controller, legalBasis, specialCategories, data, cohort, simulation } =
  jobSchema.shape;
const bound = z.number().min(-1e30).max(1e30);
const columnName = z.string().min(1).max(200);

const counted = {
  bins: z
    .int()
    .min(0)
    .max(1000)
    .default(32)
    .describe(
      'Equal ranges between a column’s bounds, for its quantiles. 0: none, and less noise on the rest.',
    ),
  rowsPerClient: z
    .number()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe(
      'A client’s rows count together as so many at the most; the noise grows with it. Near what a client typically has is best.',
    ),
  quantiles: z.array(z.number().gt(0).lt(1)).max(100).default([0.05, 0.25, 0.5, 0.75, 0.95]),
};

const noiseMultiplier = z.number().positive().max(1e6);
const rounds = z.int().min(1).max(1000).default(1);

/**
 * A job that trains nothing and counts: of each column how many values there are, their mean, their deviation and their quantiles, from one noisy sum
 * over clients or a few.
 */
export const statisticsJobSchema = z.strictObject({
  name,
  kind: z.literal('statistics').describe('What the job is for.'),
  purpose,
  controller,
  legalBasis,
  specialCategories,
  data: z
    .strictObject({
      source: data.unwrap().shape.source,
      label: data.unwrap().shape.label,
      classes: data.unwrap().shape.classes,
      heldOut: data.unwrap().shape.heldOut,
    })
    .prefault({})
    .describe('Read by `tutti simulate` only: clients have rows of their own, and no label is counted.'),
  statistics: z.strictObject({
    lower: bound.optional().describe('Bound of every column that has none of its own.'),
    upper: bound.optional().describe('Bound of every column that has none of its own.'),
    columns: z
      .array(
        z.strictObject({
          name: columnName,
          lower: bound.optional().describe('Smaller values count as this. A guess: nobody may look.'),
          upper: bound.optional().describe('Larger values count as this.'),
        }),
      )
      .min(1)
      .max(10_000)
      .describe('The columns to count, all of numbers.'),
    ...counted,
  }),
  rounds,
  cohort,
  privacy: z
    .strictObject({
      unit: z.literal('client').default('client').describe('Everything that a client contributes.'),
      epsilon: z
        .number()
        .positive()
        .max(10_000)
        .default(1)
        .describe('Budget against the statistics. A hard stop.'),
      delta: z.number().gt(0).lt(0.1).optional().describe('Default: 1 / (10 N), at most 1e-4.'),
      noiseMultiplier: noiseMultiplier
        .optional()
        .describe(
          'Deviation of the guaranteed noise over the bound of a contribution. Default: the least that fits the budget.',
        ),
    })
    .prefault({}),
  simulation,
});

export type StatisticsJobInput = z.input<typeof statisticsJobSchema>;
export type StatisticsJob = z.output<typeof statisticsJobSchema>;

/** A job of statistics as the coordinator announces it: every bound in its place. */
export const announcedStatisticsSchema = z
  .strictObject({
    name,
    kind: z.literal('statistics'),
    purpose,
    controller,
    legalBasis: legalBasisSchema.exclude(['not stated']).optional(),
    specialCategories: specialCategoriesSchema.exclude(['not stated']).optional(),
    statistics: z.strictObject({
      columns: z
        .array(z.strictObject({ name: columnName, lower: bound, upper: bound }))
        .min(1)
        .max(10_000),
      ...counted,
    }),
    rounds,
    cohort,
    privacy: z.strictObject({
      unit: z.literal('client'),
      epsilon: z.number().positive().max(10_000),
      delta: z.number().gt(0).lt(0.1),
      /** Follows from the columns: stated, so that nobody has to compute it, and refused where it is another. */
      clipNorm: z.number().positive(),
      noiseMultiplier,
    }),
    population: z.int().min(3).max(10_000_000),
  })
  .superRefine(({ statistics, privacy }, context) => {
    statistics.columns.forEach(({ lower, upper }, index) => {
      if (!(lower < upper)) {
        context.addIssue({
          code: 'custom',
          path: ['statistics', 'columns', index],
          message: 'lower must be below upper',
        });
      }
    });
    if (new Set(statistics.columns.map((column) => column.name)).size < statistics.columns.length)
      context.addIssue({
        code: 'custom',
        path: ['statistics', 'columns'],
        message: 'a column is named twice',
      });
    if (privacy.clipNorm !== statisticsNorm(statistics))
      context.addIssue({
        code: 'custom',
        path: ['privacy', 'clipNorm'],
        message: 'not what the columns add up to',
      });
  });

export type AnnouncedStatistics = z.output<typeof announcedStatisticsSchema>;

/**
 * Fills in what a job of statistics leaves open: each column's bounds, δ, and the least noise with which all its rounds fit its budget.
 * @throws {Refusal} `job.columns` where a column has no bounds, or none that leave room between them; what {@link withSettledNoise} refuses
 */
export function announceStatistics(job: StatisticsJob, population: number): AnnouncedStatistics {
  const { epsilon, unit } = job.privacy;
  const delta = deltaOf(job.privacy, population);
  const statistics = boundedStatistics(job);
  const clipNorm = statisticsNorm(statistics);
  const settled = (multiplier: number): AnnouncedStatistics => ({
    name: job.name,
    kind: 'statistics',
    purpose: job.purpose,
    controller: job.controller,
    ...(job.legalBasis !== 'not stated' && { legalBasis: job.legalBasis }),
    ...(job.specialCategories !== 'not stated' && { specialCategories: job.specialCategories }),
    statistics,
    rounds: job.rounds,
    cohort: job.cohort,
    privacy: { unit, epsilon, delta, clipNorm, noiseMultiplier: multiplier },
    population,
  });
  return withSettledNoise(job.privacy.noiseMultiplier, settled, statisticsPlan);
}

/** How contributions to these statistics are turned into residues, and sums back. The bound is this side's own computation. */
export function statisticsPlan({ statistics, cohort, privacy }: AnnouncedStatistics): EncodingPlan {
  return planEncoding({
    dimension: statisticsLength(statistics),
    clipNorm: statisticsNorm(statistics),
    noiseMultiplier: privacy.noiseMultiplier,
    maximumCohort: cohort.maximum,
    minimumSharers: cohort.minimum,
    survivorFraction: cohort.survivorFraction,
    corruptFraction: cohort.corruptFraction,
  });
}

/**
 * Standard deviation of what encoding adds to each number of the sum of so many rounds, at the most: every share of the noise, also that of the clients
 * which the guarantee does not count on, and the rounding.
 */
export function sumNoise(plan: EncodingPlan, rounds: number): number {
  const aRound = plan.noiseVariance / plan.honestFraction + plan.maximumCohort / 4;
  return Math.sqrt(rounds * aRound) / plan.scale;
}

function boundedStatistics({ statistics }: StatisticsJob): AnnouncedStatistics['statistics'] {
  const { columns, lower, upper, ...shape } = statistics;
  const names = new Set<string>();
  const bounded = columns.map((column) => {
    const own = { name: column.name, lower: column.lower ?? lower, upper: column.upper ?? upper };
    const { lower: least, upper: most } = own;
    if (least === undefined || most === undefined || !(least < most)) {
      throw new Refusal(
        'job.columns',
        `The column “${column.name}” has no bounds that leave room between them.`,
        'Give statistics.lower and statistics.upper, or both for the column: what values can be, known without looking.',
      );
    }
    if (names.has(column.name)) {
      throw new Refusal('job.columns', `The column “${column.name}” is named twice.`, 'Count it once.');
    }
    names.add(column.name);
    return { name: column.name, lower: least, upper: most };
  });
  return { ...shape, columns: bounded };
}
