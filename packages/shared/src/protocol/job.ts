import { z } from 'zod';
import { modelSpecSchema } from '../learning/model.js';
import { trainingSchema } from '../learning/training.js';
import { jobDataSchema } from './job-data.js';
import { jobPrivacySchema } from './job-privacy.js';
import { legalBasisSchema, specialCategoriesSchema } from './processing.js';
import { eligibleSchema } from './about.js';

const publicSeed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/**
 * A job: what an operator submits. Nearly every field has a default, so that a job says only what is special about it;
 * every number is bounded, so that a wrong job is refused before anything is built from it.
 */
export const jobSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, 1 to 63 of them')
    .describe('Names the job in reports and in the ledger.'),
  kind: z
    .literal('training')
    .optional()
    .describe('What the job is for. `statistics` jobs have fields of their own.'),
  purpose: z
    .string()
    .min(1)
    .max(500)
    .default('Research on federated learning')
    .describe('What the model is for.'),
  controller: z.string().min(1).max(200).default('not stated').describe('Who answers for the processing.'),
  legalBasis: legalBasisSchema
    .default('not stated')
    .describe('What makes the processing lawful: a point of Article 6(1) GDPR.'),
  specialCategories: specialCategoriesSchema
    .default('not stated')
    .describe('On what ground data on health and the like are processed: a point of Article 9(2) GDPR.'),
  data: jobDataSchema
    .extend({
      standardise: z
        .strictObject({
          statistics: z
            .string()
            .min(1)
            .max(200)
            .optional()
            .describe(
              'A job of statistics of this coordinator, by its name, or the SHA-256 of its statistics.json.',
            ),
          source: z
            .string()
            .min(1)
            .optional()
            .describe(
              'Path of statistics.json, relative to the job file. Read where the job is read, before a simulation say; a coordinator has its own.',
            ),
        })
        .optional()
        .describe(
          'Statistics by which columns of numbers are standardised: their mean is subtracted, and they are divided by their deviation.',
        ),
      source: z
        .string()
        .default('digits')
        .describe(
          'A data set that comes with Tutti (`digits`), or the path of a CSV file, relative to the job file. Read by `tutti simulate` only.',
        ),
      heldOut: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.2)
        .describe(
          'Fraction of the rows that is public, kept aside for evaluation. Read by `tutti simulate` only.',
        ),
    })
    .prefault({}),
  model: modelSpecSchema.superRefine(({ kind, source }, context) => {
    if (kind === 'layers' && source === undefined)
      context.addIssue({ code: 'custom', path: ['source'], message: 'needed where kind is layers' });
  }),
  startFrom: z
    .strictObject({
      model: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .describe('SHA-256 of a model of an earlier job.'),
      optimiser: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .describe('SHA-256 of what the optimiser remembered.'),
    })
    .optional()
    .describe(
      'The state to go on from, in a job whose place an exact erasure gives to this one. Left out: new weights. Not for `tutti simulate`.',
    ),
  training: trainingSchema.prefault({}),
  server: z
    .strictObject({
      optimiser: z
        .enum(['average', 'momentum', 'adam'])
        .default('average')
        .describe('How the mean update moves the global model.'),
      learningRate: z.number().positive().max(1000).default(1),
      momentum: z.number().min(0).lt(1).default(0.9),
    })
    .prefault({}),
  rounds: z.int().min(1).max(1_000_000).default(60),
  cohort: z
    .strictObject({
      samplingRate: z
        .number()
        .gt(0)
        .max(1)
        .default(0.08)
        .describe('Each client enters each round with this probability, independently of all else.'),
      minimum: z
        .int()
        .min(3)
        .max(10_000)
        .default(12)
        .describe('A round with fewer survivors than this is aborted.'),
      maximum: z
        .int()
        .min(3)
        .max(2048)
        .default(80)
        .describe('A larger draw is not opened. Lanes are sized for it.'),
      survivorFraction: z
        .number()
        .gt(0)
        .max(1)
        .default(0.8)
        .describe('Of the clients that shared keys, the fraction whose input must be in the sum.'),
      participations: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          'Most rounds of the job that one client is charged for: after them it is not drawn any more. Default: any number.',
        ),
      eligible: eligibleSchema
        .optional()
        .describe(
          'Which clients the job is for: of each attribute that is named, one of the values, as their owners state them. Default: all.',
        ),
      corruptFraction: z
        .number()
        .min(0)
        .lt(0.5)
        .default(0.05)
        .describe('Of a cohort, the fraction assumed to collude with the coordinator, one client at least.'),
    })
    .prefault({}),
  privacy: jobPrivacySchema.prefault({}),
  audit: z
    .strictObject({
      required: z
        .boolean()
        .default(false)
        .describe('The final model is written only when the audit of the job does not refute its ε.'),
      unit: z
        .enum(['client', 'example'])
        .default('client')
        .describe('Canary clients in the federation, or canary rows under DP-SGD at the job’s ε.'),
      canaries: z.int().min(2).max(10_000).default(200),
      guesses: z.int().min(1).max(10_000).optional().describe('Default: four in five of the canaries.'),
      confidence: z.number().min(0.5).lt(1).default(0.95),
    })
    .prefault({})
    .describe('Read by `tutti audit run`, and by `tutti simulate` where an audit is required.'),
  erasure: z
    .strictObject({
      shards: z
        .int()
        .min(1)
        .max(64)
        .default(1)
        .describe(
          'Models that are trained instead of one, each by clients of its own, so that the erasure of a client replays one of them only.',
        ),
    })
    .prefault({})
    .describe('Read by `tutti simulate`; a coordinator takes one job for each shard.'),
  simulation: z
    .strictObject({
      clients: z.int().min(3).max(100_000).default(500).describe('Virtual clients: the population N.'),
      dropout: z
        .number()
        .min(0)
        .max(0.9)
        .default(0.1)
        .describe('Probability that a selected client is lost, at a random stage.'),
      labelConcentration: z
        .number()
        .positive()
        .max(1000)
        .default(1)
        .describe('Dirichlet concentration of classes within one client; small is uneven.'),
      sizeConcentration: z
        .number()
        .positive()
        .max(1000)
        .default(5)
        .describe('Dirichlet concentration of client sizes; small is uneven.'),
      partitionSeed: publicSeed.default(1).describe('Public seed of the split. It protects nobody.'),
    })
    .prefault({})
    .describe('Read by `tutti simulate` only.'),
});

/** A job as written: defaults not filled in. */
export type JobInput = z.input<typeof jobSchema>;
/** A job as checked: every default filled in. */
export type Job = z.output<typeof jobSchema>;
