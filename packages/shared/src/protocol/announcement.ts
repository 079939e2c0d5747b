import { z } from 'zod';
import type { EncodingPlan } from '../privacy/index.js';
import { announcedJobSchema, announceJob, encodingPlan, type AnnouncedJob } from './announced-job.js';
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
export type Announcement = AnnouncedJob | AnnouncedStatistics;

/** A job of any kind, as submitted. */
export type AnyJob = Job | StatisticsJob;

export const announcementSchema: z.ZodType<Announcement> = z.union([
  announcedStatisticsSchema,
  announcedJobSchema,
]);

/** What a job is for. */
export const JOB_KINDS = ['training', 'statistics'] as const;

export type JobKind = (typeof JOB_KINDS)[number];

/** Whether a job, submitted or announced, counts instead of training a model. */
export function isStatistics<J extends object>(job: J): job is Extract<J, { kind: 'statistics' }> {
  return 'kind' in job && job.kind === 'statistics';
}

export function kindOf(job: Announcement): JobKind {
  return isStatistics(job) ? 'statistics' : 'training';
}

/** The schema of a job by what it says that it is for. */
export function schemaFor(input: unknown): typeof jobSchema | typeof statisticsJobSchema {
  const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
  return kind === 'statistics' ? statisticsJobSchema : jobSchema;
}

/** Fills in what a job leaves open. @throws {Refusal} what {@link announceJob} and {@link announceStatistics} refuse */
export function announce(job: AnyJob, population: number): Announcement {
  return isStatistics(job) ? announceStatistics(job, population) : announceJob(job, population);
}

/** How contributions to a job are turned into residues, and sums back. */
export function planOf(job: Announcement): EncodingPlan {
  return isStatistics(job) ? statisticsPlan(job) : encodingPlan(job);
}
