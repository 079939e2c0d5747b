import { equalBytes } from '../../crypto/bytes.js';
import { IndexSet } from '../index-set.js';
import { labelledHash, signLabelled, u32 } from '../labels.js';
import { decodeQuorum, decodeSurvivors } from '../messages/consistency.js';
import {
  decodeResult,
  encodeReveal,
  encodeRevealed,
  resultContent,
  type HeldShare,
} from '../messages/unmask.js';
import { hashSurvivors, hashTranscript } from '../round-context.js';
import { checkEvidence, checkQuorum, checkSurvivors } from './checks.js';
import { refuse, requireSignature, send, type Environment, type Step } from './environment.js';
import type { Masked, Revealed, Signed } from './states.js';

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
