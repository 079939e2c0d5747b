import { equalBytes } from '../crypto/bytes.js';
import type { Primitives } from '../crypto/primitives.js';
import { recoverSecret } from '../crypto/reed-solomon.js';
import { combineShares, type Share } from '../crypto/shamir.js';
import { Refusal } from '../errors.js';
import type { IndexSet } from './index-set.js';
import type { Reveal } from './messages/unmask.js';
import { commitSelfSeed, maskSign, pairKey, selfKey, type RoundContext } from './round-context.js';

/** One key stream to be added to the sum, or taken off it. Independent of every other: they may be spread over workers. */
export interface ExpansionJob {
  readonly key: Uint8Array;
  readonly sign: 1 | -1;
}

export interface Unmasking {
  readonly sharers: IndexSet;
  readonly sharersHash: Uint8Array;
  readonly survivors: IndexSet;
  readonly selfCommitments: (index: number) => Uint8Array | undefined;
  readonly reveals: ReadonlyMap<number, Reveal>;
}

/**
 * The masks that are left in the sum: the survivors' own, and of each client that was lost the ones that its surviving neighbours
 * added for it. Each secret is checked against what its owner published; wrong shares are corrected and their senders named.
 *
 * @throws {Refusal} `secagg.unrecoverable` where a secret cannot be rebuilt: there is no second set of survivors to try.
 */
export async function unmaskingJobs(
  primitives: Primitives,
  round: RoundContext,
  unmasking: Unmasking,
): Promise<{ jobs: readonly ExpansionJob[]; blamed: readonly number[] }> {
  const { sharers, sharersHash, survivors, selfCommitments, reveals } = unmasking;
  const { graph, roster } = round;
  const jobs: ExpansionJob[] = [];
  const blamed = new Set<number>();

  for (const index of survivors) {
    const holds = (seed: Uint8Array) => {
      const commitment = selfCommitments(index);
      return Promise.resolve(
        commitment !== undefined && equalBytes(commitSelfSeed(primitives, round, index, seed), commitment),
      );
    };
    const own = reveals.get(index)?.selfSeed;
    if (own !== undefined && !(await holds(own))) blamed.add(index);
    const seed =
      own !== undefined && (await holds(own))
        ? own
        : await rebuild(round, index, 'seedShares', unmasking, holds, blamed);
    jobs.push({ key: selfKey(primitives, round, seed, index, sharersHash), sign: -1 });
  }

  for (const index of sharers) {
    if (survivors.has(index)) continue;
    const survivingNeighbours = [...graph.neighbours(index)].filter((neighbour) => survivors.has(neighbour));
    if (survivingNeighbours.length === 0) continue;
    const { maskingKey } = roster.members[index] ?? unknown(index);
    const holds = async (secretKey: Uint8Array) =>
      equalBytes(await primitives.agreementPublicKey(secretKey), maskingKey);
    const secretKey = await rebuild(round, index, 'keyShares', unmasking, holds, blamed);
    for (const neighbour of survivingNeighbours) {
      const agreed = await primitives.agree(
        secretKey,
        (roster.members[neighbour] ?? unknown(neighbour)).maskingKey,
      );
      jobs.push({
        key: pairKey(primitives, round, agreed, index, neighbour, sharersHash),
        sign: maskSign(neighbour, index) === 1 ? -1 : 1,
      });
    }
  }
  return { jobs, blamed: [...blamed].sort((a, b) => a - b) };
}

/** The quick way with just enough shares; where the result is not what the owner published, error correction over all of them. */
async function rebuild(
  round: RoundContext,
  owner: number,
  list: 'seedShares' | 'keyShares',
  { reveals }: Unmasking,
  holds: (secret: Uint8Array) => Promise<boolean>,
  blamed: Set<number>,
): Promise<Uint8Array> {
  const { threshold } = round.cohort;
  const holders = new Map<number, number>();
  const shares: Share[] = [];
  for (const [holder, reveal] of reveals) {
    const held = reveal[list].find((share) => share.owner === owner);
    if (held === undefined) continue;
    holders.set(held.x, holder);
    shares.push({ x: held.x, value: held.share });
  }
  if (shares.length < threshold) throw unrecoverable();
  const quick = attempt(() => combineShares(shares, threshold));
  if (quick !== undefined && (await holds(quick))) return quick;
  const corrected = attempt(() => recoverSecret(shares, threshold));
  if (corrected === undefined || !(await holds(corrected.secret))) throw unrecoverable();
  for (const x of corrected.wrong) {
    const holder = holders.get(x);
    if (holder !== undefined) blamed.add(holder);
  }
  return corrected.secret;
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function unrecoverable(): Refusal {
  return new Refusal(
    'secagg.unrecoverable',
    'The round was aborted: the secrets of a lost client could not be rebuilt from the shares that came.',
    'Try again with another cohort. If it happens again, look at who shares wrongly.',
  );
}

function unknown(index: number): never {
  throw new RangeError(`No client ${index} on the roster`);
}
