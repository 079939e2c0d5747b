import { compareBytes, toHex } from '../crypto/bytes.js';
import type { Primitives } from '../crypto/primitives.js';
import { Refusal } from '../errors.js';
import { completeGraph, ringGraph, type Graph } from './graph.js';
import type { IndexSet } from './index-set.js';
import { labelledHash, tag, u32 } from './labels.js';
import { concatBytes } from '../crypto/bytes.js';
import type { Advert, Seeds } from './messages/advertise.js';
import type { CohortParameters } from './parameters.js';
import { roundCohort, type RoundParameters } from './round-parameters.js';

/** Everybody who advertised, in ascending order of identity key: a client's index is its place. */
export interface Roster {
  readonly members: readonly Advert[];
  /** The identity keys in hexadecimal. */
  readonly ids: readonly string[];
  readonly hash: Uint8Array;
  indexOf(id: string): number | undefined;
}

/** What all parties of a round agree on before anybody shares a secret. */
export interface RoundContext {
  readonly parameters: RoundParameters;
  readonly parametersHash: Uint8Array;
  readonly roster: Roster;
  readonly cohort: CohortParameters;
  readonly graph: Graph;
  /** Hash over parameters, roster, graph seed, degree, threshold and quorum. Whoever was told otherwise has another. */
  readonly hash: Uint8Array;
}

/**
 * @throws {Refusal} `secagg.roster` unless the identities are strictly ascending, no two adverts hold the same fresh key, and all are for these parameters.
 */
export function assembleRoster(
  primitives: Primitives,
  parametersHash: Uint8Array,
  adverts: readonly Advert[],
): Roster {
  adverts.forEach((advert, index) => {
    const previous = adverts[index - 1];
    if (previous && compareBytes(previous.identity, advert.identity) >= 0)
      throw badRoster('identities out of order, or one twice');
    if (compareBytes(advert.parametersHash, parametersHash) !== 0)
      throw badRoster('an advert for another round');
  });
  const freshKeys = adverts.flatMap(({ sealingKey, maskingKey }) => [toHex(sealingKey), toHex(maskingKey)]);
  if (new Set(freshKeys).size !== freshKeys.length) throw badRoster('one key for two purposes');

  const ids = adverts.map(({ identity }) => toHex(identity));
  const indices = new Map(ids.map((id, index) => [id, index]));
  const hash = labelledHash(
    primitives,
    'roster',
    parametersHash,
    u32(adverts.length),
    primitives.sha256(...adverts.map(({ identity }) => identity)),
    ...adverts.map(({ body }) => labelledHash(primitives, 'leaf', body)),
  );
  return { members: adverts, ids, hash, indexOf: (id) => indices.get(id) };
}

/** @throws {RangeError} where the roster has no such index: the caller's mistake, never the network's. */
export function memberOf(roster: Roster, index: number): Advert {
  const advert = roster.members[index];
  if (advert === undefined) throw new RangeError(`No client ${index} on the roster`);
  return advert;
}

/** The seed of a complete graph: there is nothing to draw. */
export function seedWithoutGraph(primitives: Primitives, roster: Roster): Uint8Array {
  return labelledHash(primitives, 'nograph', roster.hash);
}

/** The seed from a beacon's value or from the coordinator's own draw. */
export function seedFromValue(
  primitives: Primitives,
  parametersHash: Uint8Array,
  roster: Roster,
  value: Uint8Array,
): Uint8Array {
  return labelledHash(primitives, 'graph', parametersHash, roster.hash, value);
}

/** The seed from what clients revealed, by ascending index. */
export function seedFromReveals(
  primitives: Primitives,
  parametersHash: Uint8Array,
  roster: Roster,
  reveals: Seeds,
): Uint8Array {
  const value = concatBytes(...reveals.flatMap(({ index, seed }) => [u32(index), seed]));
  return seedFromValue(primitives, parametersHash, roster, value);
}

/** What a client commits to with `ring-reveal`. */
export function commitSeed(primitives: Primitives, seed: Uint8Array): Uint8Array {
  return labelledHash(primitives, 'seed', seed);
}

/** @throws {Refusal} `secagg.infeasible` where a roster of this size has no secure threshold. */
export async function formRound(
  primitives: Primitives,
  parameters: RoundParameters,
  parametersHash: Uint8Array,
  roster: Roster,
  graphSeed: Uint8Array,
): Promise<RoundContext> {
  const cohort = roundCohort(parameters, roster.members.length);
  const { n, degree, threshold, quorum } = cohort;
  const graph =
    cohort.graph === 'complete' ? completeGraph(n) : await ringGraph(primitives, graphSeed, n, degree);
  const hash = labelledHash(
    primitives,
    'ctx',
    parametersHash,
    roster.hash,
    graphSeed,
    u32(degree),
    u32(threshold),
    u32(quorum),
  );
  return { parameters, parametersHash, roster, cohort, graph, hash };
}

/** What a set of sharers is called in keys and signatures: U2hash. */
export function hashSharers(primitives: Primitives, round: RoundContext, sharers: IndexSet): Uint8Array {
  return labelledHash(primitives, 'U2', round.hash, sharers.bytes);
}

/** What a set of survivors is called in signatures: U3hash. */
export function hashSurvivors(
  primitives: Primitives,
  round: RoundContext,
  sharersHash: Uint8Array,
  survivors: IndexSet,
): Uint8Array {
  return labelledHash(primitives, 'U3', round.hash, sharersHash, survivors.bytes);
}

/** Commits a client to the seed of its own mask. The seed has 256 bits of entropy, so the commitment hides it. */
export function commitSelfSeed(
  primitives: Primitives,
  round: RoundContext,
  index: number,
  seed: Uint8Array,
): Uint8Array {
  return labelledHash(primitives, 'selfcommit', round.hash, u32(index), seed);
}

/** What a client signs of its masked vector. */
export function hashVector(primitives: Primitives, index: number, vector: Uint8Array): Uint8Array {
  return labelledHash(primitives, 'y', u32(index), vector);
}

/** Seals what `from` sends to `to`: one key a direction, for one message. `agreed` is X25519 of the sealing keys. */
export function sealingKey(
  primitives: Primitives,
  round: RoundContext,
  agreed: Uint8Array,
  from: number,
  to: number,
): Uint8Array {
  return primitives.hkdf(agreed, round.hash, concatBytes(tag('share'), u32(from), u32(to)), 32);
}

/** The mask that two clients share, which cancels in the sum. `agreed` is X25519 of the masking keys. */
export function pairKey(
  primitives: Primitives,
  round: RoundContext,
  agreed: Uint8Array,
  one: number,
  other: number,
  sharersHash: Uint8Array,
): Uint8Array {
  const info = concatBytes(tag('pair'), u32(Math.min(one, other)), u32(Math.max(one, other)), sharersHash);
  return primitives.hkdf(agreed, round.hash, info, 32);
}

/** The mask of one client alone, which the coordinator takes off once its survival is certified. */
export function selfKey(
  primitives: Primitives,
  round: RoundContext,
  seed: Uint8Array,
  index: number,
  sharersHash: Uint8Array,
): Uint8Array {
  return primitives.hkdf(seed, round.hash, concatBytes(tag('self'), u32(index), sharersHash), 32);
}

/** Of a pair, the one with the lower index adds the mask and the other takes it off. */
export function maskSign(of: number, other: number): 1 | -1 {
  return of < other ? 1 : -1;
}

/** The fewest neighbours of any member of `among` that are in it too. */
export function leastDegreeWithin(graph: Graph, among: IndexSet): number {
  let least = graph.size;
  for (const client of among) least = Math.min(least, degreeWithin(graph, client, among));
  return least;
}

/** How many neighbours of `client` are in `among`. */
export function degreeWithin(graph: Graph, client: number, among: IndexSet): number {
  let count = 0;
  for (const neighbour of graph.neighbours(client)) if (among.has(neighbour)) count++;
  return count;
}

/** What an auditor compares: the hash over parameters, roster, sharers, survivors and quorum. */
export function hashTranscript(
  primitives: Primitives,
  round: RoundContext,
  sharersHash: Uint8Array,
  survivorsHash: Uint8Array,
  quorumBody: Uint8Array,
): Uint8Array {
  return labelledHash(
    primitives,
    'transcript',
    round.parametersHash,
    round.roster.hash,
    sharersHash,
    survivorsHash,
    labelledHash(primitives, 'quorum', quorumBody),
  );
}

function badRoster(problem: string): Refusal {
  return new Refusal(
    'secagg.roster',
    `The roster holds ${problem}.`,
    'The coordinator is at fault. Leave the round.',
  );
}
