import { toHex, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { encodeAnnouncedJob, type AnnouncedJob } from '@tutti/shared/protocol';
import { successionOf } from '@tutti/shared/rights';
import type { KeptLedger } from '../ledger/kept-ledger.js';

/**
 * Checks that a job begins with no model that rounds of another job have made, unless an erasure has put it in that one's place: the ledger says of those alone which rounds a model stands
 * on, so that of any other the erasure of a client would not find what its model has learned from the client, nor would its ε count it.
 * @throws {Refusal} `job.learned-beginning`
 */
export async function requireUnlearned(
  { ledger, primitives }: { readonly ledger: KeptLedger; readonly primitives: Pick<Primitives, 'sha256'> },
  announced: AnnouncedJob,
): Promise<void> {
  const { startFrom } = announced;
  if (startFrom === undefined) return;
  await ledger.refresh();
  const made = ledger.all.find(
    ({ event }) => event.kind === 'round-completed' && event.model === startFrom.model,
  );
  if (made === undefined) return;
  const hash = toHex(primitives.sha256(encodeAnnouncedJob(announced)));
  if (successionOf(ledger.all, hash) !== undefined) return;
  throw new Refusal(
    'job.learned-beginning',
    `The job would begin with a model that rounds of the job ${made.job.slice(0, 12)} have made: what that has learned from a client, no erasure would find in this one, and its ε would not count it.`,
    'Begin with new weights, or with a model that was trained elsewhere on public data. Where a client has left, `tutti erase remedy` makes the job that goes on.',
  );
}
