import type { KeyPair, Primitives } from './primitives.js';
import type { RandomSource } from './random.js';

/**
 * Who a party is, for longer than a round: an Ed25519 pair. Its public key is the name under which the authority enrols
 * it; its secret key is made where it is used and never leaves.
 */
export type Identity = KeyPair;

/** A new identity. Until an authority has certified its public key, nobody relies on it. */
export function createIdentity(primitives: Primitives, random: RandomSource): Promise<Identity> {
  return primitives.signingKeyPair(random);
}
