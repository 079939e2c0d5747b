import { countWeights } from '@tutti/shared/learning';
import type { EncodingPlan } from '@tutti/shared/privacy';
import {
  encodeEvaluation,
  encodeStatistics,
  isStatistics,
  isTraining,
  releasedEvaluation,
  releasedStatistics,
  type AnnouncedJob,
  type Announcement,
} from '@tutti/shared/protocol';
import { SumTask, type SumPurpose } from './sum-task.js';
import type { StoredTask, Task } from './task.js';
import { TrainingTask } from './training-task.js';

/** What the rounds of a job are for, before the first. @param initialWeights - of a job that trains */
export function beginTask(job: Announcement, plan: EncodingPlan, initialWeights: Float32Array): Task {
  if (isTraining(job)) return TrainingTask.start(job.server, expectedCohort(job), initialWeights);
  return SumTask.start(purposeOf(job, plan));
}

/** The task as it was stored. @throws {Refusal} where the bytes are those of another job */
export function restoreTask(job: Announcement, plan: EncodingPlan, stored: StoredTask): Task {
  if (isTraining(job))
    return TrainingTask.restore(job.server, expectedCohort(job), countWeights(job.model), stored);
  return SumTask.restore(purposeOf(job, plan), stored);
}

function expectedCohort({ cohort, population }: AnnouncedJob): number {
  return cohort.samplingRate * population;
}

function purposeOf(job: Exclude<Announcement, AnnouncedJob>, plan: EncodingPlan): SumPurpose {
  return {
    length: plan.dimension,
    released: (counted) =>
      isStatistics(job)
        ? encodeStatistics(releasedStatistics(job, plan, counted))
        : encodeEvaluation(releasedEvaluation(job, plan, counted)),
  };
}
