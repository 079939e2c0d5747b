import { z } from 'zod';
import { Refusal } from '../errors.js';
import type { EncodingPlan } from '../privacy/index.js';
import {
  evaluationLength,
  evaluationNorm,
  modelSpecSchema,
  type BoundedEvaluation,
} from '../learning/index.js';
import type { AnnouncedJob } from './announced-job.js';
import {
  announceCounting,
  announcedCountingFields,
  countingFields,
  countingPlan,
  rowsPerClient,
} from './counting-job.js';
import { jobDataSchema } from './job-data.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** A simulation has no coordinator that has trained a model. */
const submitted = z.strictObject(countingFields).omit({ simulation: true }).shape;

const counted = {
  confusion: z
    .boolean()
    .default(true)
    .describe('Whether the rows of each class are counted by what the model takes them for.'),
  scoreBins: z
    .int()
    .min(0)
    .max(1000)
    .default(20)
    .describe(
      'Equal ranges of the score, for the area under the ROC curve. 0: none, and less noise on the rest.',
    ),
  calibrationBins: z
    .int()
    .min(0)
    .max(100)
    .default(10)
    .describe('Equal ranges of the confidence, for calibration. 0: none, and less noise on the rest.'),
  largestLoss: z
    .number()
    .positive()
    .max(100)
    .default(4)
    .describe('Nats. A larger loss of one row counts as this; the noise of the loss grows with it.'),
  rowsPerClient,
};

/** A job that trains nothing, and counts how good a model is on the rows that clients hold out. */
export const evaluationJobSchema = z.strictObject({
  ...submitted,
  kind: z.literal('evaluation').describe('What the job is for.'),
  model: z.strictObject({
    job: z
      .string()
      .min(1)
      .max(200)
      .describe('Name or hash of the job, at this coordinator, that trains the model.'),
    sha256: hash
      .optional()
      .describe('SHA-256 of one of its models. Default: the one that it is at when this job is submitted.'),
  }),
  evaluation: z.strictObject(counted).prefault({}),
});

export type EvaluationJobInput = z.input<typeof evaluationJobSchema>;

/** What the name of a model stands for. */
export interface EvaluatedModel {
  /** SHA-256 of the job that trains it. */
  readonly job: string;
  readonly sha256: string;
  readonly data: AnnouncedJob['data'];
  readonly model: AnnouncedJob['model'];
}

export type EvaluationJob = z.output<typeof evaluationJobSchema> & {
  /** Looked up by the coordinator. */
  readonly evaluated?: EvaluatedModel;
};

/** An evaluation as the coordinator announces it: what the model is, and how rows become what it takes, is stated in full. */
export const announcedEvaluationSchema = z
  .strictObject({
    ...announcedCountingFields,
    kind: z.literal('evaluation'),
    data: jobDataSchema,
    model: modelSpecSchema,
    evaluation: z.strictObject({
      /** SHA-256 of the job that trains the model. */
      job: hash,
      /** SHA-256 of the weights. */
      weights: hash,
      ...counted,
    }),
  })
  .superRefine((job, context) => {
    if (job.privacy.clipNorm !== evaluationNorm(shapeOf(job)))
      context.addIssue({
        code: 'custom',
        path: ['privacy', 'clipNorm'],
        message: 'not what the counts add up to',
      });
  });

export type AnnouncedEvaluation = z.output<typeof announcedEvaluationSchema>;

/**
 * Fills in what an evaluation leaves open.
 * @throws {Refusal} `job.evaluation` where nobody has looked up the model that it names, or the counts are too many; what {@link announceCounting} refuses
 */
export function announceEvaluation(job: EvaluationJob, population: number): AnnouncedEvaluation {
  const { evaluated } = job;
  if (evaluated === undefined) {
    throw new Refusal(
      'job.evaluation',
      'The job names a model that is not at hand.',
      'Submit it to the coordinator that has trained the model: clients count on rows that nobody else has.',
    );
  }
  const { data, model } = evaluated;
  const subject = {
    kind: 'evaluation' as const,
    data,
    model,
    evaluation: { job: evaluated.job, weights: evaluated.sha256, ...job.evaluation },
  };
  const shape = shapeOf(subject);
  const length = evaluationLength(shape);
  if (length > MOST_COUNTS) {
    throw new Refusal(
      'job.evaluation',
      `The evaluation counts ${length} numbers; ${MOST_COUNTS} are the most.`,
      'Set evaluation.confusion to false, or evaluation.scoreBins to fewer.',
    );
  }
  return announceCounting(job, population, { clipNorm: evaluationNorm(shape), length, subject });
}

const MOST_COUNTS = 1_000_000;

/** What is counted, in full. */
export function shapeOf({
  model,
  evaluation,
}: Pick<AnnouncedEvaluation, 'model' | 'evaluation'>): BoundedEvaluation {
  const { confusion, scoreBins, calibrationBins, largestLoss } = evaluation;
  return {
    classes: model.classes,
    confusion,
    scoreBins,
    calibrationBins,
    largestLoss,
    rowsPerClient: evaluation.rowsPerClient,
  };
}

/** How contributions to this evaluation are turned into residues, and sums back. The bound is this side's own computation. */
export function evaluationPlan(job: AnnouncedEvaluation): EncodingPlan {
  const shape = shapeOf(job);
  return countingPlan(job, evaluationLength(shape), evaluationNorm(shape));
}
