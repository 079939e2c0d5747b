import { equalBytes } from '../../crypto/bytes.js';
import type { Primitives } from '../../crypto/primitives.js';
import { recoverSecret } from '../../crypto/reed-solomon.js';
import { combineShares, type Share } from '../../crypto/shamir.js';
import { Refusal } from '../../errors.js';
import type { ExpansionJob } from '../masking.js';
import { decodeRevealed, type HeldShare, type ReceivedReveal } from '../messages/unmask.js';
import { commitSelfSeed, maskSign, memberOf, pairKey, selfKey } from '../round-context.js';
import type { Summed } from './consistency.js';
import { RoundFailure } from './environment.js';

/** What is kept of a message: its shares are read again where a secret must be rebuilt, and where nobody was lost none must. */
export type KeptReveal = Pick<ReceivedReveal, 'selfSeed' | 'revealed'>;

/** What is needed to take the masks off: one key stream each. */
export interface Unmasking {
  readonly jobs: readonly ExpansionJob[];
  /** Whose shares or seed were wrong, ascending. */
  readonly blamed: readonly number[];
}

/**
 * The masks that are left in the sum: the survivors' own, and of each client that was lost the ones that its surviving neighbours
 * added for it. Each secret is checked against what its owner published; wrong shares are corrected and their senders named.
 *
 * @throws {RoundFailure} `secagg.unrecoverable` where a secret cannot be rebuilt: there is no second set of survivors to try.
 */
export async function unmaskingJobs(
  primitives: Primitives,
  { round, sharers, sharersHash, survivors, commitments }: Summed,
  reveals: ReadonlyMap<number, KeptReveal>,
): Promise<Unmasking> {
  const { graph, roster } = round;
  const blamed = new Set<number>();
  const recover = new Recovery(round, reveals, blamed);
  const jobs: ExpansionJob[] = [];

  for (const index of survivors) {
    const commitment = commitments.get(index);
    const isSeed = (seed: Uint8Array) =>
      commitment !== undefined && equalBytes(commitSelfSeed(primitives, round, index, seed), commitment);
    let seed = reveals.get(index)?.selfSeed;
    if (seed !== undefined && !isSeed(seed)) {
      blamed.add(index);
      seed = undefined;
    }
    seed ??= await recover.secret(index, 'seedShares', (candidate) => Promise.resolve(isSeed(candidate)));
    jobs.push({ key: selfKey(primitives, round, seed, index, sharersHash), sign: -1 });
    seed.fill(0);
  }

  for (const index of sharers) {
    if (survivors.has(index)) continue;
    const neighbours = [...graph.neighbours(index)].filter((neighbour) => survivors.has(neighbour));
    if (neighbours.length === 0) continue;
    const { maskingKey } = memberOf(roster, index);
    const secretKey = await recover.secret(index, 'keyShares', async (candidate) =>
      equalBytes(await primitives.agreementPublicKey(candidate), maskingKey),
    );
    for (const neighbour of neighbours) {
      const agreed = await primitives.agree(secretKey, memberOf(roster, neighbour).maskingKey);
      jobs.push({
        key: pairKey(primitives, round, agreed, index, neighbour, sharersHash),
        sign: maskSign(neighbour, index) === 1 ? -1 : 1,
      });
      agreed.fill(0);
    }
    secretKey.fill(0);
  }
  return { jobs, blamed: [...blamed].sort((a, b) => a - b) };
}

type ShareList = 'seedShares' | 'keyShares';

type HeldByOwner = ReadonlyMap<number, Readonly<Record<ShareList, ReadonlyMap<number, HeldShare>>>>;

/** Rebuilds secrets from what their holders revealed. */
class Recovery {
  #indexed: HeldByOwner | undefined;

  constructor(
    private readonly round: Summed['round'],
    private readonly reveals: ReadonlyMap<number, KeptReveal>,
    private readonly blamed: Set<number>,
  ) {}

  /** The shares of each holder by owner. */
  get #byHolder(): HeldByOwner {
    const byOwner = (shares: readonly HeldShare[]) => new Map(shares.map((share) => [share.owner, share]));
    return (this.#indexed ??= new Map(
      [...this.reveals].map(([holder, { revealed }]) => {
        const { seedShares, keyShares } = decodeRevealed(revealed, this.round.cohort.degree);
        return [holder, { seedShares: byOwner(seedShares), keyShares: byOwner(keyShares) }];
      }),
    ));
  }

  /**
   * The quick way with just enough shares; where the result is not what the owner published, error correction. Holders that have lied before
   * are asked only where it does not go without them: so a liar costs one correction, not one for every secret of which it holds a share.
   */
  async secret(
    owner: number,
    list: ShareList,
    isRight: (secret: Uint8Array) => Promise<boolean>,
  ): Promise<Uint8Array> {
    const holders = new Map<number, number>();
    const shares: Share[] = [];
    for (const holder of this.round.graph.neighbours(owner)) {
      const held = this.#byHolder.get(holder)?.[list].get(owner);
      if (held === undefined) continue;
      holders.set(held.x, holder);
      shares.push({ x: held.x, value: held.share });
    }
    const { threshold, corrupt } = this.round.cohort;
    const trusted = shares.filter(({ x }) => !this.blamed.has(holders.get(x) ?? -1));
    for (const usable of trusted.length < shares.length ? [trusted, shares] : [shares]) {
      if (usable.length < threshold) continue;
      const quick = attempt(() => combineShares(usable, threshold));
      if (quick !== undefined && (await isRight(quick))) return quick;
      const corrected = attempt(() => recoverSecret(usable, threshold));
      if (corrected === undefined || !(await isRight(corrected.secret))) continue;
      for (const x of corrected.wrong) {
        const holder = holders.get(x);
        if (holder !== undefined) this.blamed.add(holder);
      }
      return corrected.secret;
    }
    // Where more can be corrected than may lie, whoever dealt the shares dealt garbage. Else liars may have framed it, and nobody is named.
    const dealerLied = Math.floor((shares.length - threshold) / 2) >= corrupt;
    throw unrecoverable(dealerLied ? [owner] : []);
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function unrecoverable(blamed: readonly number[]): RoundFailure {
  return new RoundFailure(
    'unrecoverable',
    'the secret of a client could not be rebuilt from the shares that came',
    blamed,
  );
}
