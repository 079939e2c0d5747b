import { z } from 'zod';
import type { EncodingPlan } from '../privacy/index.js';
import { announcedJobSchema, announceJob, encodingPlan, type AnnouncedJob } from './announced-job.js';
import {
  announcedEvaluationSchema,
  announceEvaluation,
  evaluationJobSchema,
  evaluationPlan,
  type AnnouncedEvaluation,
  type EvaluationJob,
} from './evaluation-job.js';
import { jobSchema, type Job } from './job.js';
import {
  announcedStatisticsSchema,
  announceStatistics,
  statisticsJobSchema,
  statisticsPlan,
  type AnnouncedStatistics,
  type StatisticsJob,
} from './statistics-job.js';

/** A job of any kind, as announced. */
export type Announcement = AnnouncedJob | AnnouncedStatistics | AnnouncedEvaluation;

/** A job of any kind, as submitted. */
export type AnyJob = Job | StatisticsJob | EvaluationJob;

/** A job that can be simulated: one that needs no model which a coordinator has trained. */
export type SimulatedJob = Exclude<AnyJob, EvaluationJob>;

export const announcementSchema: z.ZodType<Announcement> = z.union([
  announcedStatisticsSchema,
  announcedEvaluationSchema,
  announcedJobSchema,
]);

/** What a job may be for. */
export const JOB_KINDS = ['training', 'statistics', 'evaluation'] as const;

/** What a job is for. */
export type JobKind = (typeof JOB_KINDS)[number];

/** Whether a job, submitted or announced, counts columns. */
export function isStatistics<J extends object>(job: J): job is Extract<J, { kind: 'statistics' }> {
  return kindOf(job) === 'statistics';
}

/** Whether a job, submitted or announced, counts how good a model is. */
export function isEvaluation<J extends object>(job: J): job is Extract<J, { kind: 'evaluation' }> {
  return kindOf(job) === 'evaluation';
}

/** Whether a job, submitted or announced, trains a model. */
export function isTraining<J extends object>(
  job: J,
): job is Exclude<J, { kind: 'statistics' } | { kind: 'evaluation' }> {
  return kindOf(job) === 'training';
}

/** What a job says that it is for; where it says nothing that is known, it trains. */
export function kindOf(job: unknown): JobKind {
  const kind = typeof job === 'object' && job !== null && 'kind' in job ? job.kind : undefined;
  return JOB_KINDS.find((known) => known === kind) ?? 'training';
}

const schemas = {
  training: jobSchema,
  statistics: statisticsJobSchema,
  evaluation: evaluationJobSchema,
} as const satisfies Record<JobKind, z.ZodType>;

/** The schema of a job by what it says that it is for. */
export function schemaFor(input: unknown): (typeof schemas)[JobKind] {
  return schemas[kindOf(input)];
}

/** Fills in what a job leaves open. @throws {Refusal} what {@link announceJob}, {@link announceStatistics} and {@link announceEvaluation} refuse */
export function announce(job: AnyJob, population: number): Announcement {
  if (isStatistics(job)) return announceStatistics(job, population);
  if (isEvaluation(job)) return announceEvaluation(job, population);
  return announceJob(job, population);
}

/** How contributions to a job are turned into residues, and sums back. */
export function planOf(job: Announcement): EncodingPlan {
  if (isStatistics(job)) return statisticsPlan(job);
  if (isEvaluation(job)) return evaluationPlan(job);
  return encodingPlan(job);
}
