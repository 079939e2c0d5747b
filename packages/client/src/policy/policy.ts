import { Refusal } from '@tutti/shared/errors';
import type { AnnouncedJob } from '@tutti/shared/protocol';
import { checkProcessing, type ProcessingPolicy } from './processing.js';

/** What the owner of the data agrees to. Kept at the client, whatever a coordinator says. */
export interface ClientPolicy extends ProcessingPolicy {
  /** Largest ε against the coordinator that this client will ever spend on one job, at the job's δ. */
  readonly maximumEpsilon: number;
  /** Largest δ that is taken for a guarantee. */
  readonly maximumDelta: number;
  /** Fewest clients whose sum may be opened. */
  readonly minimumCohort: number;
  /** Smallest fraction of a cohort that must be assumed to collude with the coordinator. */
  readonly minimumCorruptFraction: number;
  /** Rounds that may be joined under one model: more would let a coordinator subtract one sum from another. */
  readonly maximumAttempts: number;
}

/**
 * Checks a job against the policy, before anything is read or trained.
 * @throws {Refusal} with the code of the first rule that the job breaks.
 */
export function checkJob(policy: ClientPolicy, job: AnnouncedJob): void {
  checkProcessing(policy, job);
  const refuse = (code: string, found: string): never => {
    throw new Refusal(
      `policy.${code}`,
      found,
      'Ask the coordinator’s operator for other settings, or change the policy.',
    );
  };
  const { delta } = job.privacy;
  if (delta > policy.maximumDelta) {
    refuse('delta', `The job counts on δ = ${delta}; at most ${policy.maximumDelta} is allowed here.`);
  }
  if (job.cohort.minimum < policy.minimumCohort) {
    refuse(
      'cohort',
      `The job opens sums of ${job.cohort.minimum} clients; at least ${policy.minimumCohort} are asked for here.`,
    );
  }
  if (job.cohort.corruptFraction < policy.minimumCorruptFraction) {
    refuse(
      'corrupt-fraction',
      `The job assumes that ${job.cohort.corruptFraction} of a cohort collude; at least ${policy.minimumCorruptFraction} is asked for here.`,
    );
  }
}
