import { kindOf, type Announcement, type RoundRecord } from '@tutti/shared/protocol';
import type { JobDetail, JobSummary, LiveRound } from '../api/schemas.js';
import type { JobState, SubmittedJob } from '../store/index.js';

/** What this process knows of a job beside what is in the store. */
export interface Standing {
  reason: string | null;
  live: LiveRound | null;
  latest: RoundRecord | undefined;
}

/** A job as the administration shows it. */
export function summaryOf(about: {
  readonly job: SubmittedJob;
  readonly announced: Announcement;
  readonly state: JobState | undefined;
  readonly owner: string | undefined;
  readonly coordinator: string | undefined;
  readonly standing: Standing;
}): JobSummary {
  const { job, announced, state, owner, coordinator, standing } = about;
  const spent = standing.latest?.epsilon ?? { releasedModel: 0, coordinator: 0 };
  return {
    job: job.job,
    name: job.name,
    kind: kindOf(announced),
    status: job.status,
    reason: standing.reason,
    submittedBy: job.submittedBy,
    submittedAt: new Date(job.submittedAt).toISOString(),
    rounds: { completed: state?.rounds ?? 0, planned: announced.rounds, attempt: state?.attempt ?? 0 },
    epsilon: {
      releasedModel: finite(spent.releasedModel),
      coordinator: finite(spent.coordinator),
      budget: announced.privacy.epsilon,
      delta: announced.privacy.delta,
    },
    model: state?.model ?? null,
    live: standing.live,
    owner: owner ?? null,
    coordinator: coordinator ?? null,
  };
}

export function detailOf(summary: JobSummary, announced: Announcement): JobDetail {
  return { ...summary, announced };
}

/** JSON has no infinity: where no bound can be given, there is none. */
function finite(epsilon: number): number | null {
  return Number.isFinite(epsilon) ? epsilon : null;
}
