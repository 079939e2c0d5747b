import type { RandomSource } from './random.js';

/** A key pair as raw bytes: 32-byte X25519 scalar and point, or 32-byte Ed25519 seed and point. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** One AES-256-CTR key stream, read in pieces of any length: the pieces joined are the stream. */
export interface Keystream {
  /** Fills `into` whole with the next bytes of the stream. */
  read(into: Uint8Array): Promise<void>;

  /** The same without a promise, where the platform allows it. It moves on the same stream. */
  readSync?(into: Uint8Array): void;
}

/**
 * The cryptographic primitives that Tutti stands on, none of them its own. Each platform has a backend (`node`: node:crypto,
 * `web`: WebCrypto, `portable`: audited JavaScript); all are held to the same known answers.
 *
 * Hashing, derivation and sealing are synchronous everywhere; whatever WebCrypto only offers as a promise is a promise
 * everywhere, so that a protocol party reads the same on each platform.
 */
export interface Primitives {
  readonly name: 'node' | 'web' | 'portable';

  /** SHA-256 (FIPS 180-4) of the parts, one after the other. 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array;

  /** HKDF-SHA256 (RFC 5869). */
  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /** A fresh X25519 pair (RFC 7748) whose scalar is drawn from `random`. */
  agreementKeyPair(random: RandomSource): Promise<KeyPair>;

  /** The public key that belongs to an X25519 scalar. */
  agreementPublicKey(secretKey: Uint8Array): Promise<Uint8Array>;

  /**
   * X25519 (RFC 7748 section 6.1). 32 bytes.
   * @throws {Refusal} `crypto.low-order-point` where the result is all zeros or the point is of low order or not canonical.
   */
  agree(secretKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array>;

  /** A fresh Ed25519 pair (RFC 8032): the secret key is the 32-byte seed, drawn from `random`. */
  signingKeyPair(random: RandomSource): Promise<KeyPair>;

  /** Ed25519 signature of 64 bytes. Deterministic (RFC 8032 section 5.1.6). */
  sign(secretKey: Uint8Array, message: Uint8Array): Promise<Uint8Array>;

  /** Whether the signature holds. False also where S >= L, a point is not canonical or of small order, or a length is wrong. Never throws. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;

  /** XSalsa20-Poly1305 (NaCl secretbox) under a single-use key with the zero nonce: 16 bytes longer than the message. */
  seal(key: Uint8Array, message: Uint8Array): Uint8Array;

  /** Undefined where the ciphertext was not sealed under this key. */
  open(key: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;

  /** AES-256-CTR (SP 800-38A) of zeros, the counter block starting at 15 zero bytes and 0x02. One key makes one stream. */
  keystream(key: Uint8Array): Keystream;
}
