import type { SpentPrivacy } from '@tutti/shared/privacy';
import type { RoundRecord, RoundReference } from '@tutti/shared/protocol';
import type { JobState } from '../store/tables/jobs.js';
import type { EndedAttempt } from './attempt.js';
import type { Evaluation } from './job-runner-options.js';

export interface AttemptFacts extends EndedAttempt {
  readonly evaluation: Evaluation | undefined;
  /** After the attempt. */
  readonly spent: SpentPrivacy;
  /** The model and the task's memory after the attempt. */
  readonly kept: Pick<JobState, 'model' | 'task'>;
  readonly milliseconds: Pick<RoundRecord['milliseconds'], 'evaluate' | 'total'>;
}

/** What is told of an attempt for ever: counts and times only. */
export function attemptRecord(
  { round, attempt }: RoundReference,
  { cohort, outcome, evaluation, spent, kept, milliseconds }: AttemptFacts,
): RoundRecord {
  const { roster, sharers, survivors, responders, declined, milliseconds: phases } = outcome;
  return {
    round,
    attempt,
    outcome: outcome.kind,
    ...(outcome.kind === 'aborted' && { reason: outcome.code }),
    selected: cohort.length,
    roster,
    sharers,
    survivors,
    lost: {
      advertise: cohort.length - roster,
      share: roster - sharers,
      input: sharers - survivors,
      unmask: survivors - responders,
    },
    ...(Object.keys(declined).length > 0 && { declined }),
    ...(evaluation && { loss: evaluation.loss, accuracy: evaluation.accuracy }),
    epsilon: { releasedModel: spent.releasedModel, coordinator: spent.coordinator },
    milliseconds: {
      train: phases['advertise'] ?? 0,
      share: (phases['reveal-seed'] ?? 0) + (phases['share'] ?? 0),
      input: phases['input'] ?? 0,
      unmask: (phases['consistency'] ?? 0) + (phases['unmask'] ?? 0),
      ...milliseconds,
    },
    modelHash: kept.model,
    taskHash: kept.task,
  };
}
