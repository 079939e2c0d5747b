import type { KeyPair, Primitives } from '../../crypto/primitives.js';
import type { RandomSource } from '../../crypto/random.js';
import type { RevocationList } from '../../crypto/revocation.js';
import { Refusal } from '../../errors.js';
import type { BeaconSource } from '../beacon.js';
import { signLabelled, verifyLabelled, type Label } from '../labels.js';
import type { Expander } from '../masking.js';
import type { RoundParameters } from '../round-parameters.js';

export interface CoordinatorOptions {
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  /** Public key of the enrolment authority, 32 bytes. */
  readonly authority: Uint8Array;
  readonly parameters: RoundParameters;
  readonly revocations?: RevocationList;
  /** Needed for the graph mode `ring-beacon`. */
  readonly beacon?: BeaconSource;
  /** Needed for the graph mode `ring-server`. */
  readonly random?: RandomSource;
  /** Left out, masks are expanded on the calling thread. */
  readonly expander?: Expander;
}

/** What every phase may use. */
export interface Environment extends CoordinatorOptions {
  readonly expander: Expander;
  readonly parametersHash: Uint8Array;
}

/** A message is refused for a reason that its sender may know; the round goes on. */
export function refuse(code: string, problem: string): Refusal {
  return new Refusal(
    `secagg.${code}`,
    `A message was refused: ${problem}.`,
    'Follow the protocol of this version.',
  );
}

/** Too few are left, or they cannot be summed securely: the round ends with nothing learned. */
export class RoundFailure extends Refusal {
  constructor(
    code: string,
    problem: string,
    /** Roster indices of clients at fault. */
    readonly blamed: readonly number[] = [],
  ) {
    super(`secagg.${code}`, `The round was aborted: ${problem}.`, 'Try again with another cohort.');
  }
}

/** @throws {Refusal} `secagg.signature` */
export async function requireSignature(
  { primitives }: Environment,
  publicKey: Uint8Array,
  signature: Uint8Array,
  label: Label,
  ...parts: readonly Uint8Array[]
): Promise<void> {
  if (!(await verifyLabelled(primitives, publicKey, signature, label, ...parts))) {
    throw refuse('signature', `a signature of kind "${label}" does not hold`);
  }
}

/** Signs as the coordinator. */
export function sign(
  { primitives, signingKey }: Environment,
  label: Label,
  ...parts: readonly Uint8Array[]
): Promise<Uint8Array> {
  return signLabelled(primitives, signingKey.secretKey, label, ...parts);
}
