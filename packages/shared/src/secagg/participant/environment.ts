import type { KeyPair, Primitives } from '../../crypto/primitives.js';
import type { RandomSource } from '../../crypto/random.js';
import type { RevocationList } from '../../crypto/revocation.js';
import { Refusal } from '../../errors.js';
import type { BeaconSource } from '../beacon.js';
import type { ParticipantEffect } from '../effects.js';
import { verifyLabelled, type Label } from '../labels.js';
import type { Expander } from '../masking.js';
import type { MessageType } from '../message.js';
import type { ExpectedRound, ParticipantPolicy } from './policy.js';
import type { Secrets } from './secrets.js';
import type { State } from './states.js';

export interface ParticipantOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** Long-lived Ed25519 identity. */
  readonly identity: KeyPair;
  /** The authority's certificate of that identity, encoded. */
  readonly certificate: Uint8Array;
  /** Public key of the enrolment authority, 32 bytes. */
  readonly authority: Uint8Array;
  /** Public key of the coordinator, 32 bytes. */
  readonly coordinator: Uint8Array;
  /** What this client computed by itself, and the coordinator must mean too. */
  readonly expected: ExpectedRound;
  readonly policy: ParticipantPolicy;
  /** The newest list of revoked certificates that this client has verified. */
  readonly revocations?: RevocationList;
  /** Needed to take part in rounds whose graph comes from a beacon. */
  readonly beacon?: BeaconSource;
  /** Left out, masks are expanded on the calling thread. */
  readonly expander?: Expander;
  /** The highest round number of this task that was ever joined, -1 before the first. */
  readonly highestRound: number;
  /** Rounds joined before under the same model. */
  readonly attempts: number;
}

/** What every step of a client may use. */
export interface Environment extends ParticipantOptions {
  readonly expander: Expander;
  readonly secrets: Secrets;
}

/** What a step comes to. */
export interface Step {
  readonly state: State;
  readonly effects: readonly ParticipantEffect[];
}

export function send(type: MessageType, body: Uint8Array): ParticipantEffect {
  return { kind: 'send', message: { type, body } };
}

/** A refusal after which this client leaves the round. */
export function refuse(code: string, problem: string): Refusal {
  return new Refusal(
    `secagg.${code}`,
    `The round was left: ${problem}.`,
    'Take part in another round; ask the operator when it happens again.',
  );
}

/** @throws {Refusal} `secagg.signature` */
export async function requireSignature(
  { primitives }: Pick<Environment, 'primitives'>,
  publicKey: Uint8Array,
  signature: Uint8Array,
  label: Label,
  ...parts: readonly Uint8Array[]
): Promise<void> {
  if (!(await verifyLabelled(primitives, publicKey, signature, label, ...parts))) {
    throw refuse('signature', `a signature of kind "${label}" does not hold`);
  }
}
