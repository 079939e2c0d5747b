import { ctr } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from './bytes.js';
import { CounterPosition } from './counter-mode.js';
import {
  isCanonicalSignature,
  requireAgreementKey,
  requireContributory,
  requireKeyLength,
} from './curve25519.js';
import type { Primitives } from './primitives.js';
import { randomBytes } from './random.js';
import { sealing } from './sealing.js';

/**
 * RFC 8032 section 5.1.7 without the cofactor: encode([S]B - [k]A) must be R, byte by byte, as OpenSSL and the browsers
 * decide. The library's own `verify` multiplies by the cofactor and so accepts signatures that the others refuse.
 */
function holds(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  try {
    const key = Point.fromBytes(publicKey, false);
    const k = Point.Fn.create(littleEndian(sha512(concatBytes(r, publicKey, message))));
    const s = littleEndian(signature.subarray(32));
    return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k)).toBytes(), r);
  } catch {
    // The library throws where the key is no point of the curve.
    return false;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** Audited JavaScript that needs nothing from the platform: the noble libraries and TweetNaCl. */
export const portable: Primitives = {
  name: 'portable',

  sha256(...parts) {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },

  hkdf: (secret, salt, info, length) => hkdf(sha256, secret, salt, info, length),

  agreementKeyPair(random) {
    const secretKey = randomBytes(random, 32);
    return Promise.resolve({ publicKey: x25519.getPublicKey(secretKey), secretKey });
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection here as in every backend
  async agreementPublicKey(secretKey) {
    requireKeyLength(secretKey);
    return x25519.getPublicKey(secretKey);
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async agree(secretKey, publicKey) {
    requireAgreementKey(publicKey);
    requireKeyLength(secretKey);
    return requireContributory(x25519.getSharedSecret(secretKey, publicKey));
  },

  signingKeyPair(random) {
    const secretKey = randomBytes(random, 32);
    return Promise.resolve({ publicKey: ed25519.getPublicKey(secretKey), secretKey });
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async sign(secretKey, message) {
    requireKeyLength(secretKey);
    return ed25519.sign(message, secretKey);
  },

  verify: (publicKey, message, signature) =>
    Promise.resolve(isCanonicalSignature(publicKey, signature) && holds(publicKey, message, signature)),

  keystream(key) {
    requireKeyLength(key);
    const own = key.slice();
    const position = new CounterPosition();
    const readSync = (into: Uint8Array) => {
      const { counter, skip } = position.take(into.length);
      into.set(
        ctr(own, counter)
          .encrypt(new Uint8Array(skip + into.length))
          .subarray(skip),
      );
    };
    return {
      readSync,
      read: (into) => {
        readSync(into);
        return Promise.resolve();
      },
    };
  },

  ...sealing,
};
