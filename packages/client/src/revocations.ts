import type { RevocationList } from '@tutti/shared/crypto';
import type { Revocations } from '@tutti/shared/protocol';
import { decodeRoundOpen } from '@tutti/shared/secagg';

/** Where a participant has the authority's lists of revoked certificates from. */
export interface RevocationFeed {
  /** The newest that was accepted: verified, and kept across restarts. */
  readonly held: Revocations;
  /** The signed list that the coordinator has now. */
  readonly fetch: () => Promise<Uint8Array>;
}

/**
 * The list by which the cohort of a round is checked. Where the round is announced under a newer one than is held, that is fetched first; where
 * it is announced under an older one, the one that is held goes on to count.
 *
 * @param opening - the message that invites to the round
 * @throws {Refusal} `revocation.…` where what was fetched is not this authority's, or older than what is held; `artifact.…` where it could not be had
 */
export async function revocationsFor(
  feed: RevocationFeed | undefined,
  opening: Uint8Array,
): Promise<RevocationList | undefined> {
  if (feed === undefined) return undefined;
  const { revocationVersion } = decodeRoundOpen(opening).parameters;
  if (revocationVersion > feed.held.version) await feed.held.accept(await feed.fetch());
  return feed.held.list;
}
