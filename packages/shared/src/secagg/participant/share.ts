import { randomBytes } from '../../crypto/random.js';
import { splitSecret } from '../../crypto/shamir.js';
import { IndexSet } from '../index-set.js';
import { labelledHash, signLabelled, u32 } from '../labels.js';
import { malformed } from '../message.js';
import { decodeInbox, encodeSealedList, encodeShares } from '../messages/share.js';
import { commitSelfSeed, formRound, hashSharers, type Roster } from '../round-context.js';
import { checkSharers } from './checks.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { refuse, send, type Environment, type Step } from './environment.js';
import type { Received, SeedRevealed, Shared } from './states.js';
import { checkNeighbour } from './trust.js';

/** R1: shares of the own mask's seed and of the masking key, sealed for each neighbour. */
export async function shareSecrets(
  environment: Environment,
  joined: Omit<SeedRevealed, 'phase' | 'roster' | 'index'>,
  roster: Roster,
  index: number,
  graphSeed: Uint8Array,
  now: number,
): Promise<Step> {
  const { primitives, random, identity, secrets } = environment;
  const { parameters, parametersHash, sealing, masking, seedShare } = joined;
  const round = await formRound(primitives, parameters, parametersHash, roster, graphSeed);
  const neighbours = round.graph.neighbours(index);
  const certified = new Set<number>();
  for (const neighbour of neighbours) await checkNeighbour(environment, round, certified, neighbour, now);

  const selfSeed = secrets.keep(randomBytes(random, 32));
  const selfCommitment = commitSelfSeed(primitives, round, index, selfSeed);
  const { threshold } = round.cohort;
  const split = (secret: Uint8Array) => {
    const shares = splitSecret(secret, threshold, neighbours.length, random);
    for (const { value } of shares) secrets.keep(value);
    return shares;
  };
  const seedShares = split(selfSeed);
  const keyShares = split(masking.secretKey);
  const sealed: Uint8Array[] = [];
  for (const [place, to] of neighbours.entries()) {
    const [seedPiece, keyPiece] = [seedShares[place], keyShares[place]];
    if (seedPiece === undefined || keyPiece === undefined) throw new RangeError('A share for each neighbour');
    const shares = { seedShare: seedPiece.value, keyShare: keyPiece.value };
    sealed.push(await sealEnvelope(environment, round, sealing, index, to, seedPiece.x, shares));
    secrets.drop(shares.seedShare, shares.keyShare);
  }
  const list = labelledHash(primitives, 'list', encodeSealedList(sealed));
  const signature = await signLabelled(
    primitives,
    identity.secretKey,
    'shares',
    round.hash,
    u32(index),
    selfCommitment,
    list,
  );
  return {
    state: {
      phase: 'shared',
      parameters,
      parametersHash,
      sealing,
      masking,
      seedShare,
      round,
      index,
      selfSeed,
      certified,
    },
    effects: [send('shares', encodeShares({ context: round.hash, selfCommitment, sealed, signature }))],
  };
}

/** R2: who shared keys at all, and what the neighbours among them sealed for this client. */
export async function acceptInbox(environment: Environment, state: Shared, body: Uint8Array): Promise<Step> {
  const { primitives, secrets } = environment;
  const { round, index, sealing } = state;
  const { cohort, graph } = round;
  const inbox = decodeInbox(body, cohort.n);
  const sharers = IndexSet.decode(cohort.n, inbox.sharers);
  checkSharers(round, index, sharers);
  const entries = new Map(inbox.entries.map(({ from, sealed }) => [from, sealed]));
  const received = new Map<number, Received>();
  for (const from of graph.neighbours(index)) {
    if (!sharers.has(from)) continue;
    const sealed = entries.get(from);
    entries.delete(from);
    const shares = sealed && (await openEnvelope(environment, round, sealing, from, index, sealed));
    // A neighbour that shares wrongly must not be able to end the round for an honest client.
    if (shares === undefined) continue;
    secrets.keep(shares.seedShare);
    secrets.keep(shares.keyShare);
    received.set(from, shares);
  }
  if (entries.size > 0) throw malformed('shares from who is no neighbour, or shared none');
  if (received.size < cohort.threshold) {
    throw refuse('too-few-shares', 'too few neighbours’ shares could be opened');
  }
  const sharersHash = hashSharers(primitives, round, sharers);
  return {
    state: { ...state, phase: 'encoding', sharers, sharersHash, received },
    effects: [{ kind: 'encode', sharers: sharers.count, rosterSize: cohort.n }],
  };
}
