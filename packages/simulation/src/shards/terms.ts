import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { announceJob, encodeAnnouncedJob, type AnnouncedJob, type Job } from '@tutti/shared/protocol';
import type { Keys } from '../population.js';
import type { RunSettings } from '../run-directory.js';

/** What a run is held to: its job as clients know it, and who they are. */
export interface RunTerms {
  readonly announced: AnnouncedJob;
  /** Identity keys of all clients of the job, hex, by index. */
  readonly identities: readonly string[];
  /** Those that this run's population is made of. */
  readonly members: readonly string[];
}

/** Room for the number of a shard behind a name of 63 characters at the most. */
const LONGEST_NAME = 54;

/**
 * The terms of a run: of all clients or, in a job of several shards, of those of its shard. δ is that of the whole population, so that what is claimed
 * does not weaken as shards get smaller.
 */
export function termsOf(
  { job, shard }: Pick<RunSettings, 'job' | 'shard'>,
  keys: Pick<Keys, 'clients'>,
): RunTerms {
  const identities = keys.clients.map(({ identity }) => toHex(identity.publicKey));
  const whole = announceJob(job, job.simulation.clients);
  if (shard === undefined) return { announced: whole, identities, members: identities };
  const of = toHex(primitives.sha256(encodeAnnouncedJob(whole)));
  const members = identities.filter((client) => shardOf(of, job.erasure.shards, client) === shard);
  const { delta } = whole.privacy;
  const own: Job = {
    ...job,
    name: `${job.name.slice(0, LONGEST_NAME)}-shard-${shard}`,
    privacy: { ...job.privacy, delta },
  };
  return { announced: announceJob(own, members.length), identities, members };
}

/**
 * The shard that a client is in, from 1 on: a hash of the job and the client, which nobody else's coming or going changes. Balancing the
 * sizes would move clients between shards when one leaves, and no shard could be shown never to have had it.
 */
function shardOf(job: string, shards: number, client: string): number {
  const hash = primitives.sha256(new TextEncoder().encode(`tutti-shard-v1|${job}|${client}`));
  return (new DataView(hash.buffer, hash.byteOffset).getUint32(0) % shards) + 1;
}
