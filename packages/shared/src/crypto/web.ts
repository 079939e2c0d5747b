import { BoundedCache, bytesKey } from './bounded-cache.js';
import { fromHex } from './bytes.js';
import { CounterPosition } from './counter-mode.js';
import {
  encodePrivateKey,
  isCanonicalSignature,
  requireAgreementKey,
  requireContributory,
  requireKeyLength,
} from './curve25519.js';
import { portable } from './portable.js';
import type { Keystream, Primitives } from './primitives.js';
import { randomBytes, type RandomSource } from './random.js';

type Curve = 'X25519' | 'Ed25519';

/** The base points: the public keys by which an engine shows that it knows the curve. X25519 of 9 is the public key, too. */
const BASE_POINTS: Record<Curve, Uint8Array<ArrayBuffer>> = {
  X25519: copy(fromHex('0900000000000000000000000000000000000000000000000000000000000000')),
  Ed25519: copy(fromHex('5866666666666666666666666666666666666666666666666666666666666666')),
};

/** How many imported public keys of each curve are kept. */
const REMEMBERED_KEYS = 4096;

/** The browser's generator gives at most so many bytes a call. */
const RANDOM_PIECE = 65536;

/**
 * The Web Crypto API for what it does faster than JavaScript: X25519, Ed25519 and AES-CTR. A curve that the engine does
 * not know, and everything where there is no `subtle` (pages that were not loaded over HTTPS), is portable instead.
 */
export function createWebPrimitives(subtle: SubtleCrypto | undefined): Primitives {
  if (subtle === undefined) return { ...portable, name: 'web' };
  const engine = new Engine(subtle);

  const agreementPublicKey = async (secretKey: Uint8Array) =>
    (await engine.knows('X25519'))
      ? engine.derive(secretKey, BASE_POINTS.X25519)
      : portable.agreementPublicKey(secretKey);

  return {
    ...portable,
    name: 'web',
    agreementPublicKey,

    async agreementKeyPair(random) {
      const secretKey = randomBytes(random, 32);
      return { publicKey: await agreementPublicKey(secretKey), secretKey };
    },

    async agree(secretKey, publicKey) {
      requireAgreementKey(publicKey);
      if (!(await engine.knows('X25519'))) return portable.agree(secretKey, publicKey);
      return requireContributory(await engine.derive(secretKey, publicKey));
    },

    async signingKeyPair(random) {
      if (!(await engine.knows('Ed25519'))) return portable.signingKeyPair(random);
      const secretKey = randomBytes(random, 32);
      return { publicKey: await engine.verificationKey(secretKey), secretKey };
    },

    async sign(secretKey, message) {
      if (!(await engine.knows('Ed25519'))) return portable.sign(secretKey, message);
      const key = await engine.privateKey('Ed25519', secretKey, false, ['sign']);
      return new Uint8Array(await subtle.sign('Ed25519', key, copy(message)));
    },

    async verify(publicKey, message, signature) {
      if (!isCanonicalSignature(publicKey, signature)) return false;
      if (!(await engine.knows('Ed25519'))) return portable.verify(publicKey, message, signature);
      try {
        return await subtle.verify(
          'Ed25519',
          await engine.publicKey('Ed25519', publicKey),
          copy(signature),
          copy(message),
        );
      } catch {
        // Engines reject where the key is no point of the curve.
        return false;
      }
    },

    keystream: (key) => engine.keystream(key),
  };
}

class Engine {
  private readonly known = new BoundedCache<Promise<boolean>>(2);
  private readonly publicKeys: Record<Curve, BoundedCache<Promise<CryptoKey>>> = {
    X25519: new BoundedCache(REMEMBERED_KEYS),
    Ed25519: new BoundedCache(REMEMBERED_KEYS),
  };

  constructor(private readonly subtle: SubtleCrypto) {}

  knows(curve: Curve): Promise<boolean> {
    return this.known.get(curve, () =>
      this.publicKey(curve, BASE_POINTS[curve]).then(
        () => true,
        () => false,
      ),
    );
  }

  publicKey(curve: Curve, publicKey: Uint8Array): Promise<CryptoKey> {
    return this.publicKeys[curve].get(bytesKey(publicKey), () =>
      this.subtle.importKey('raw', copy(publicKey), curve, false, curve === 'Ed25519' ? ['verify'] : []),
    );
  }

  // Async, so that a wrong length is a rejection and not an exception.
  async privateKey(
    curve: Curve,
    secretKey: Uint8Array,
    extractable: boolean,
    usages: KeyUsage[],
  ): Promise<CryptoKey> {
    // WebCrypto imports no raw private keys.
    const encoded = encodePrivateKey(curve, secretKey);
    try {
      return await this.subtle.importKey('pkcs8', encoded, curve, extractable, usages);
    } finally {
      encoded.fill(0);
    }
  }

  async derive(secretKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
    const [ours, theirs] = await Promise.all([
      this.privateKey('X25519', secretKey, false, ['deriveBits']),
      this.publicKey('X25519', publicKey),
    ]);
    return new Uint8Array(await this.subtle.deriveBits({ name: 'X25519', public: theirs }, ours, 256));
  }

  /** The public half of an Ed25519 seed: WebCrypto only tells it in an exported private key. */
  async verificationKey(secretKey: Uint8Array): Promise<Uint8Array> {
    const { x } = await this.subtle.exportKey(
      'jwk',
      await this.privateKey('Ed25519', secretKey, true, ['sign']),
    );
    const text = atob((x ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }

  private async streamKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    try {
      return await this.subtle.importKey('raw', raw, 'AES-CTR', false, ['encrypt']);
    } finally {
      raw.fill(0);
    }
  }

  keystream(key: Uint8Array): Keystream {
    requireKeyLength(key);
    const imported = this.streamKey(copy(key));
    const position = new CounterPosition();
    return {
      read: async (into) => {
        const { counter, skip } = position.take(into.length);
        const algorithm = { name: 'AES-CTR', counter, length: 64 };
        const stream = await this.subtle.encrypt(
          algorithm,
          await imported,
          new Uint8Array(skip + into.length),
        );
        into.set(new Uint8Array(stream, skip));
      },
    };
  }
}

/** WebCrypto takes no shared memory, which the type of a Uint8Array leaves possible. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** The platform's cryptography, portable where the platform has none. */
export const primitives: Primitives = createWebPrimitives(globalThis.crypto.subtle);

/** The operating system's cryptographic generator. */
export const systemRandom: RandomSource = {
  kind: 'system',
  fill(bytes) {
    for (let at = 0; at < bytes.length; at += RANDOM_PIECE) {
      const piece = new Uint8Array(Math.min(RANDOM_PIECE, bytes.length - at));
      bytes.set(globalThis.crypto.getRandomValues(piece), at);
    }
    return bytes;
  },
};
