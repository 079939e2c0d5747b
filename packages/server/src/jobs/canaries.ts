import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import type { LedgerState } from '@tutti/shared/privacy';
import { cohortRules, encodingPlan, isTraining, type Announcement } from '@tutti/shared/protocol';
import { roundCohort } from '@tutti/shared/secagg';

/**
 * Whether a job has room for so many clients of the operator's own. What a job claims against its coordinator counts on no more than a fraction of each cohort being its accomplices, and these are: they may be no more
 * than the smallest cohort tolerates, however the cohorts are drawn.
 *
 * @throws {Refusal} `job.kind`, `canaries.unit`, `canaries.too-many`
 */
export function requireCanaryRoom(job: Announcement, canaries: number): void {
  if (!isTraining(job)) {
    throw new Refusal(
      'job.kind',
      'The job only counts: canaries are for jobs that train a model.',
      'Audit a job that trains.',
    );
  }
  if (job.privacy.unit === 'example') {
    throw new Refusal(
      'canaries.unit',
      'The job promises nothing to a client as a whole, so that canary clients would refute what it does not claim.',
      'Audit it with canary rows: `tutti audit run --unit example`.',
    );
  }
  const { minimum, corruptFraction } = job.cohort;
  const { corrupt } = roundCohort(cohortRules(job, encodingPlan(job)), Math.max(3, minimum));
  if (canaries > corrupt) {
    throw new Refusal(
      'canaries.too-many',
      `${canaries} canaries are clients of the operator’s own. The job lets ${corrupt} of its smallest cohort of ${minimum} collude with the coordinator (cohort.corruptFraction ${corruptFraction}); with more nothing would be claimed against it.`,
      'Submit the job with a larger cohort.minimum or cohort.corruptFraction, which costs noise, or put fewer canaries into it.',
    );
  }
  const weights = countWeights(job.model);
  if (canaries <= weights) return;
  throw new Refusal(
    'canaries.too-many',
    `A model of ${weights} weights has no room for ${canaries} directions that can be told apart.`,
    'Put fewer canaries into it.',
  );
}

/**
 * Canaries that come after a sum was seen could be chosen by it.
 * @throws {Refusal} `canaries.not-open`, `canaries.committed`, `canaries.begun`
 */
export function requireUnbegun(state: LedgerState, name: string): void {
  if (state.awaitsCanaries) return;
  if (state.canaries !== undefined) {
    throw new Refusal(
      'canaries.committed',
      `The ledger holds a commitment to ${state.canaries.canaries} canaries in the job ${name} already.`,
      'An audit has one set of coins. Run those canaries, or submit another job.',
    );
  }
  if (state.isOpen) {
    throw new Refusal(
      'canaries.begun',
      `The job ${name} has begun a round: canaries that come now could be chosen by what it came to.`,
      'Submit a job with `tutti job submit --paused`, put the canaries among its clients, and resume it.',
    );
  }
  throw new Refusal(
    'canaries.not-open',
    `The job ${name} is not open in the ledger of this coordinator: it has ended, or another process runs it.`,
    'Ask the coordinator that serves, while the job waits for its clients.',
  );
}
