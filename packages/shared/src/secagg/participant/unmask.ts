import { equalBytes } from '../../crypto/bytes.js';
import { IndexSet } from '../index-set.js';
import { labelledHash, signLabelled, u32 } from '../labels.js';
import { decodeQuorum, decodeSurvivors, type Evidence, type Quorum } from '../messages/consistency.js';
import {
  decodeResult,
  encodeReveal,
  encodeRevealed,
  resultContent,
  type HeldShare,
} from '../messages/unmask.js';
import { degreeWithin, hashSurvivors, hashTranscript, memberOf } from '../round-context.js';
import { requiredSurvivors } from '../round-parameters.js';
import { refuse, requireSignature, send, type Environment, type Step } from './environment.js';
import type { Masked, Revealed, Signed } from './states.js';
import { checkCertificate } from './trust.js';

/** R3: one set of survivors, signed once. */
export async function acceptSurvivors(
  environment: Environment,
  state: Masked,
  body: Uint8Array,
): Promise<Step> {
  const { primitives, identity } = environment;
  const { round, index, sharersHash } = state;
  const message = decodeSurvivors(body, round.cohort.n);
  const survivors = IndexSet.decode(round.cohort.n, message.survivors);
  checkSurvivors(state, survivors);
  await checkEvidence(environment, state, survivors, message.evidence);
  const survivorsHash = hashSurvivors(primitives, round, sharersHash, survivors);
  const signature = await signLabelled(
    primitives,
    identity.secretKey,
    'u3',
    round.hash,
    sharersHash,
    survivorsHash,
    u32(index),
  );
  return {
    state: { ...state, phase: 'signed', survivors, survivorsHash },
    effects: [send('consistency', signature)],
  };
}

/**
 * Whoever is declared lost must not help, nobody who never shared may be counted in, the sum must be of enough clients for the quorum and
 * the noise, and enough neighbours must survive that nobody can be cut off from the rest.
 * @throws {Refusal} `secagg.left-out`, `secagg.survivors`, `secagg.too-few-survivors`, `secagg.isolated`
 */
export function checkSurvivors({ round, index, sharers }: Masked, survivors: IndexSet): void {
  const { parameters, cohort, graph } = round;
  if (!survivors.has(index)) throw refuse('left-out', 'this client is not among the survivors');
  if (!survivors.within(sharers)) throw refuse('survivors', 'a survivor never shared keys');
  const required = requiredSurvivors(parameters, cohort.n, sharers.count);
  if (survivors.count < required) {
    throw refuse(
      'too-few-survivors',
      `there are ${survivors.count} survivors where ${required} are required`,
    );
  }
  if (degreeWithin(graph, index, survivors) < cohort.threshold) {
    throw refuse('isolated', 'too few of this client’s neighbours are among the survivors');
  }
}

/**
 * Each surviving neighbour signed that it masked under the same set of sharers: so the masks that it and this client share cancel.
 * @throws {Refusal} `secagg.evidence`, `secagg.signature`
 */
export async function checkEvidence(
  environment: Environment,
  { round, index, sharersHash }: Masked,
  survivors: IndexSet,
  evidence: readonly Evidence[],
): Promise<void> {
  const neighbours = [...round.graph.neighbours(index)].filter((neighbour) => survivors.has(neighbour));
  if (evidence.length !== neighbours.length) {
    throw refuse('evidence', 'the evidence is for other than the surviving neighbours');
  }
  for (const [place, { vectorHash, signature }] of evidence.entries()) {
    const neighbour = neighbours[place] ?? -1;
    const { identity } = memberOf(round.roster, neighbour);
    await requireSignature(
      environment,
      identity,
      signature,
      'masked',
      round.hash,
      sharersHash,
      u32(neighbour),
      vectorHash,
    );
  }
}

/**
 * R4: with a quorum for one set of survivors, exactly one share of each neighbour: of its seed if it survived, of its key if it was lost. The secrets
 * are forgotten, and the answer is all that is left.
 */
export async function acceptQuorum(
  environment: Environment,
  state: Signed,
  body: Uint8Array,
  now: number,
): Promise<Step> {
  const { primitives, identity, secrets } = environment;
  const { round, index, selfSeed, survivors, survivorsHash, sharersHash } = state;
  await checkQuorum(environment, state, decodeQuorum(body, round.cohort.n), now);
  const content = { selfSeed, ...sharesToReveal(state) };
  const list = labelledHash(primitives, 'list', encodeRevealed(content));
  const signature = await signLabelled(
    primitives,
    identity.secretKey,
    'unmask',
    round.hash,
    survivorsHash,
    u32(index),
    list,
  );
  const message = encodeReveal({ context: round.hash, survivorsHash, ...content, signature });
  secrets.wipe();
  return {
    state: {
      phase: 'revealed',
      parameters: state.parameters,
      parametersHash: state.parametersHash,
      survivors: survivors.count,
      transcript: hashTranscript(primitives, round, sharersHash, survivorsHash, body),
    },
    effects: [send('reveal', message)],
  };
}

/**
 * Two quorums share an honest client, and an honest client signs once: so there is one set of survivors that anybody helps to unmask.
 * @throws {Refusal} `secagg.quorum`, `secagg.signature`, `certificate.…`
 */
export async function checkQuorum(
  environment: Environment,
  { round, sharersHash, survivors, survivorsHash, certified }: Signed,
  quorum: Quorum,
  now: number,
): Promise<void> {
  if (quorum.length < round.cohort.quorum) throw refuse('quorum', 'too few survivors signed');
  for (const { index, signature } of quorum) {
    if (!survivors.has(index)) throw refuse('quorum', 'somebody signed who did not survive');
    await checkCertificate(environment, round, certified, index, now);
    const { identity } = memberOf(round.roster, index);
    await requireSignature(
      environment,
      identity,
      signature,
      'u3',
      round.hash,
      sharersHash,
      survivorsHash,
      u32(index),
    );
  }
}

/** Of each neighbour one share, whichever its fate asks for, and never both. */
export function sharesToReveal({ round, index, survivors, received }: Signed): {
  readonly seedShares: readonly HeldShare[];
  readonly keyShares: readonly HeldShare[];
} {
  const seedShares: HeldShare[] = [];
  const keyShares: HeldShare[] = [];
  for (const [owner, shares] of received) {
    const x = round.graph.rank(owner, index) + 1;
    if (survivors.has(owner)) seedShares.push({ owner, x, share: shares.seedShare });
    else keyShares.push({ owner, x, share: shares.keyShare });
  }
  return { seedShares, keyShares };
}

/** The coordinator says what the round came to, and means the same round. */
export async function acceptResult(
  environment: Environment,
  state: Revealed,
  body: Uint8Array,
): Promise<Step> {
  const result = decodeResult(body);
  await requireSignature(
    environment,
    environment.coordinator,
    result.signature,
    'result',
    resultContent(result),
  );
  if (!equalBytes(result.transcript, state.transcript) || result.survivors !== state.survivors) {
    throw refuse('transcript', 'the coordinator’s transcript of the round is another');
  }
  return { state: { phase: 'finished' }, effects: [{ kind: 'finished' }] };
}
