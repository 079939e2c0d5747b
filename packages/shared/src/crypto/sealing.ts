import nacl from 'tweetnacl';
import { requireKeyLength } from './curve25519.js';
import type { Primitives } from './primitives.js';

const ZERO_NONCE = new Uint8Array(nacl.secretbox.nonceLength);

/**
 * XSalsa20-Poly1305 as in NaCl's secretbox, the same in every backend. The nonce is zero because every key seals one
 * message; {@link Primitives.seal} must not be called twice under one key with different messages.
 */
export const sealing: Pick<Primitives, 'seal' | 'open'> = {
  seal(key, message) {
    requireKeyLength(key);
    return nacl.secretbox(message, ZERO_NONCE, key);
  },
  open(key, ciphertext) {
    requireKeyLength(key);
    return nacl.secretbox.open(ciphertext, ZERO_NONCE, key) ?? undefined;
  },
};
