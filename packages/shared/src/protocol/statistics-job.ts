import { z } from 'zod';
import { Refusal } from '../errors.js';
import type { EncodingPlan } from '../privacy/index.js';
import { statisticsLength, statisticsNorm } from '../learning/index.js';
import {
  announceCounting,
  announcedCountingFields,
  countingFields,
  countingPlan,
  rowsPerClient,
} from './counting-job.js';
import { jobSchema } from './job.js';

const { data } = jobSchema.shape;
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
  rowsPerClient,
  quantiles: z.array(z.number().gt(0).lt(1)).max(100).default([0.05, 0.25, 0.5, 0.75, 0.95]),
};

/**
 * A job that trains nothing and counts: of each column how many values there are, their mean, their deviation and their quantiles, from one noisy sum
 * over clients or a few.
 */
export const statisticsJobSchema = z.strictObject({
  ...countingFields,
  kind: z.literal('statistics').describe('What the job is for.'),
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
});

export type StatisticsJobInput = z.input<typeof statisticsJobSchema>;
export type StatisticsJob = z.output<typeof statisticsJobSchema>;

/** A job of statistics as the coordinator announces it: every bound in its place. */
export const announcedStatisticsSchema = z
  .strictObject({
    ...announcedCountingFields,
    kind: z.literal('statistics'),
    statistics: z.strictObject({
      columns: z
        .array(z.strictObject({ name: columnName, lower: bound, upper: bound }))
        .min(1)
        .max(10_000),
      ...counted,
    }),
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
 * @throws {Refusal} `job.columns` where a column has no bounds, or none that leave room between them; what {@link announceCounting} refuses
 */
export function announceStatistics(job: StatisticsJob, population: number): AnnouncedStatistics {
  const statistics = boundedStatistics(job);
  return announceCounting(job, population, {
    clipNorm: statisticsNorm(statistics),
    length: statisticsLength(statistics),
    subject: { kind: 'statistics' as const, statistics },
  });
}

/** How contributions to these statistics are turned into residues, and sums back. The bound is this side's own computation. */
export function statisticsPlan(job: AnnouncedStatistics): EncodingPlan {
  return countingPlan(job, statisticsLength(job.statistics), statisticsNorm(job.statistics));
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
