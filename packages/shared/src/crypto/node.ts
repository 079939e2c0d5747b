import { Buffer } from 'node:buffer';
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  randomFillSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { BoundedCache, bytesKey } from './bounded-cache.js';
import {
  encodePrivateKey,
  isCanonicalSignature,
  requireAgreementKey,
  requireContributory,
  requireKeyLength,
} from './curve25519.js';
import type { Keystream, Primitives } from './primitives.js';
import { randomBytes, type RandomSource } from './random.js';
import { sealing } from './sealing.js';

type Curve = 'X25519' | 'Ed25519';

const publicKeys: Record<Curve, BoundedCache<KeyObject>> = {
  X25519: new BoundedCache(4096),
  Ed25519: new BoundedCache(4096),
};

/**
 * Private keys live as long as the array that holds their bytes, and are imported anew when those bytes change: that is seen by their
 * digest, for a copy would outlive the wiping of the array.
 */
const privateKeys: Record<Curve, WeakMap<Uint8Array, { digest: Buffer; key: KeyObject }>> = {
  X25519: new WeakMap(),
  Ed25519: new WeakMap(),
};

function publicKeyObject(crv: Curve, publicKey: Uint8Array): KeyObject {
  return publicKeys[crv].get(bytesKey(publicKey), () =>
    createPublicKey({ key: { kty: 'OKP', crv, x: base64url(publicKey) }, format: 'jwk' }),
  );
}

function privateKeyObject(crv: Curve, secretKey: Uint8Array): KeyObject {
  const digest = createHash('sha256').update(secretKey).digest();
  const known = privateKeys[crv].get(secretKey);
  if (known?.digest.equals(digest) === true) return known.key;
  // Not as a JWK, though Node parses that faster: the text of its `d` could not be overwritten.
  const encoded = encodePrivateKey(crv, secretKey);
  const key = createPrivateKey({ key: Buffer.from(encoded.buffer), format: 'der', type: 'pkcs8' });
  encoded.fill(0);
  privateKeys[crv].set(secretKey, { digest, key });
  return key;
}

function publicPoint(crv: Curve, secretKey: Uint8Array): Uint8Array {
  const { x } = createPublicKey(privateKeyObject(crv, secretKey)).export({ format: 'jwk' });
  return plain(Buffer.from(x ?? '', 'base64url'));
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** A Buffer's bytes as an ordinary array, so that nobody comes to rely on Buffer's own methods. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}

/** The longest piece handed to the cipher at once: beyond it Node's allocations cost more than its calls. */
const ZEROS = new Uint8Array(1 << 15);
const FIRST_BLOCK = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

function keystream(key: Uint8Array, spent?: (piece: Buffer) => void): Keystream {
  requireKeyLength(key);
  const cipher = createCipheriv('aes-256-ctr', key, FIRST_BLOCK);
  const readSync = (into: Uint8Array) => {
    for (let at = 0; at < into.length; at += ZEROS.length) {
      const piece = cipher.update(ZEROS.subarray(0, Math.min(ZEROS.length, into.length - at)));
      into.set(piece, at);
      spent?.(piece);
    }
  };
  return {
    readSync,
    read: (into) => {
      readSync(into);
      return Promise.resolve();
    },
  };
}

/** Node's own cryptography (OpenSSL). */
export const primitives: Primitives = {
  name: 'node',

  sha256(...parts) {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  },

  hkdf: (secret, salt, info, length) => new Uint8Array(hkdfSync('sha256', secret, salt, info, length)),

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection here as in every backend
  async agreementPublicKey(secretKey) {
    return publicPoint('X25519', secretKey);
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async agreementKeyPair(random) {
    const secretKey = randomBytes(random, 32);
    return { publicKey: publicPoint('X25519', secretKey), secretKey };
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async agree(secretKey, publicKey) {
    requireAgreementKey(publicKey);
    return requireContributory(
      plain(
        diffieHellman({
          privateKey: privateKeyObject('X25519', secretKey),
          publicKey: publicKeyObject('X25519', publicKey),
        }),
      ),
    );
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async signingKeyPair(random) {
    const secretKey = randomBytes(random, 32);
    return { publicKey: publicPoint('Ed25519', secretKey), secretKey };
  },

  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  async sign(secretKey, message) {
    return plain(sign(null, message, privateKeyObject('Ed25519', secretKey)));
  },

  verify(publicKey, message, signature) {
    if (!isCanonicalSignature(publicKey, signature)) return Promise.resolve(false);
    try {
      return Promise.resolve(verify(null, message, publicKeyObject('Ed25519', publicKey), signature));
    } catch {
      // OpenSSL throws where the key is no point of the curve.
      return Promise.resolve(false);
    }
  },

  keystream: (key) => keystream(key),
  ...sealing,
};

/**
 * The same key streams for a thread that does nothing else. The cipher makes a buffer a call, of which the garbage collector lets tens of megabytes pile up:
 * memory that the system hands out page by page, and that no cache holds. Here each is moved to nowhere as soon as it was read, so that its memory is free at once.
 * From the first one on V8 checks at every access to any typed array of the thread whether it was moved: up to 1.8 times the time of a tight loop.
 */
export function frugalKeystreams(): Pick<Primitives, 'keystream'> {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  const release = ({ buffer, length }: Buffer) => {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length) port1.postMessage(null, [buffer]);
  };
  return { keystream: (key) => keystream(key, release) };
}

/** The operating system's cryptographic generator. */
export const systemRandom: RandomSource = {
  kind: 'system',
  fill: (bytes) => randomFillSync(bytes),
};
