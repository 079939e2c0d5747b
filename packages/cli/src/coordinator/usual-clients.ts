import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import type { Announcement } from '@tutti/shared/protocol';

/**
 * What clients whose owners left their limits as they are object to in a job: an operator learns it when the job is submitted, and not from rounds in
 * which nobody takes part.
 *
 * @param hash - of the job as announced, hex
 * @returns nothing, or the first objection in words
 */
export async function objectionOfUsualClients(
  hash: string,
  announced: Announcement,
): Promise<string | undefined> {
  const [{ checkJob, knownJob }, { usualPolicy }] = await Promise.all([
    import('@tutti/client'),
    import('@tutti/client/daemon'),
  ]);
  try {
    checkJob(usualPolicy(), knownJob(primitives, hash, announced), Date.now());
    return undefined;
  } catch (objection) {
    if (!(objection instanceof Refusal)) throw objection;
    return `Clients with the usual limits decline it (${objection.code}): ${objection.message}`;
  }
}
