import { Refusal } from '@tutti/shared/errors';
import type { KnownJob } from '../library.js';

/** What the owner has said of a job. */
export type Approval = 'approved' | 'refused' | 'pending';

/**
 * Checks that the owner lets this client take part in a job.
 * @throws {Refusal} `policy.approval-pending` where nobody has decided yet, `policy.approval-refused` where somebody said no.
 */
export async function checkApproval(
  known: KnownJob,
  approval: ((job: KnownJob) => Promise<Approval>) | undefined,
): Promise<void> {
  const answer = approval === undefined ? 'approved' : await approval(known);
  if (answer === 'pending') {
    throw new Refusal(
      'policy.approval-pending',
      `The job “${known.job.name}” waits for the approval of this client’s owner.`,
      'Look at it with `tutti client jobs`, then say `tutti client approve` or `tutti client refuse`.',
    );
  }
  if (answer === 'refused') {
    throw new Refusal(
      'policy.approval-refused',
      `The owner of this client refused the job “${known.job.name}”.`,
      'Nothing, if that is still right; `tutti client approve` changes it.',
    );
  }
}
