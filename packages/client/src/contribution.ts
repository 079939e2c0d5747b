import { Refusal, TuttiError } from '@tutti/shared/errors';
import { isRowFault } from './data/row-faults.js';
import type { Task, Work } from './work.js';

/** Something that went wrong over the owner's data: its cause is for the owner alone. */
export class WorkFailed extends Error {
  override readonly name = 'WorkFailed';
}

/**
 * The vector of a round. Whoever hands out the weights chooses them, and may choose them so that training overflows on certain rows and on no
 * others: what is said of that would be an exact answer about the data, which no noise covers and no ledger counts. So a vector that is not
 * finite is replaced by zeros, which go into the sum as any other vector does. Columns, categories and classes are chosen by whoever makes the job, too: rows in
 * which certain people stand would not fit, and a client that declined would answer a question beside the noise.
 *
 * @param emptied - told where that happened
 * @throws {WorkFailed} where there is no vector
 */
export async function contributionOf(
  work: Work,
  task: Task,
  emptied: (why: TuttiError) => void,
): Promise<Float32Array> {
  try {
    const update = await work.contribute(task);
    if (update.every(Number.isFinite)) return update;
  } catch (error) {
    const why = emptiedBy(error);
    if (why === undefined) throw new WorkFailed('The work on the data failed.', { cause: error });
    emptied(why);
    return zeros(task);
  }
  emptied(notFinite());
  return zeros(task);
}

/** Why there are zeros in place of a vector; undefined where the work has failed for another reason than what stands in the rows. */
function emptiedBy(error: unknown): TuttiError | undefined {
  if (!(error instanceof TuttiError)) return undefined;
  if (error.code === 'dp.not-finite') return notFinite();
  return isRowFault(error) ? error : undefined;
}

function zeros({ known }: Task): Float32Array {
  return new Float32Array(known.plan.dimension);
}

/**
 * The code by which the coordinator is told why a round is declined. That the owner's rules or the job stand in the way, it is told; what is
 * wrong with the data, not: which rows fit a job depends on what stands in them.
 */
export function codeForCoordinator(error: unknown): string {
  if (!(error instanceof WorkFailed)) return codeOf(error);
  const code = codeOf(error.cause);
  return /^(policy|job)\./.test(code) ? code : 'client.failed';
}

/** The code of an error; of a fault of ours there is nothing more to say. */
export function codeOf(error: unknown): string {
  return error instanceof TuttiError ? error.code : 'client.failed';
}

function notFinite(): Refusal {
  return new Refusal(
    'client.not-finite',
    'Training gave numbers that are not finite: zeros were sent in their place.',
    'Where it happens again, ask the job’s operator for a smaller learning rate, and check the scale of the data.',
  );
}
