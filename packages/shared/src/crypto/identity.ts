import { toHex } from './bytes.js';
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

/** A public key's fingerprint, for people to compare: the first 16 bytes of its SHA-256, in groups of four hexadecimal digits. */
export function fingerprint(primitives: Pick<Primitives, 'sha256'>, publicKey: Uint8Array): string {
  return (toHex(primitives.sha256(publicKey).subarray(0, 16)).match(/.{4}/g) ?? []).join(' ');
}
