import { countWeights } from '@tutti/shared/learning';
import type { EncodingPlan } from '@tutti/shared/privacy';
import { isStatistics, type AnnouncedJob, type Announcement } from '@tutti/shared/protocol';
import { StatisticsTask } from './statistics-task.js';
import type { StoredTask, Task } from './task.js';
import { TrainingTask } from './training-task.js';

/** What the rounds of a job are for, before the first. @param initialWeights - of a job that trains */
export function beginTask(job: Announcement, plan: EncodingPlan, initialWeights: Float32Array): Task {
  if (isStatistics(job)) return StatisticsTask.start(job, plan);
  return TrainingTask.start(job.server, expectedCohort(job), initialWeights);
}

/** The task as it was stored. @throws {Refusal} where the bytes are those of another job */
export function restoreTask(job: Announcement, plan: EncodingPlan, stored: StoredTask): Task {
  if (isStatistics(job)) return StatisticsTask.restore(job, plan, stored);
  return TrainingTask.restore(job.server, expectedCohort(job), countWeights(job.model), stored);
}

function expectedCohort({ cohort, population }: AnnouncedJob): number {
  return cohort.samplingRate * population;
}
