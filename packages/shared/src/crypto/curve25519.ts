import { Refusal } from '../errors.js';
import { fromHex } from './bytes.js';

/*
 * What RFC 7748 and RFC 8032 leave to the implementation and libraries decide differently. Deciding it here, on the
 * bytes and before any library sees them, makes all backends accept exactly the same inputs.
 */

/** 2^255 - 19, the field of Curve25519, little-endian. */
const FIELD = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');

/** L, the order of the base point (RFC 8032 section 5.1), little-endian. */
const ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/**
 * u coordinates of points whose order divides the cofactor 8, on the curve and its twist: 0 (order 2), 1 (order 4),
 * the two of order 8, and p - 1 (order 4 on the twist). Any scalar takes each of them to zero.
 */
const LOW_ORDER_U = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex);

/** y coordinates of the eight Ed25519 points whose order divides the cofactor: 0, 1, p - 1 and the two of order 8. */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex);

/** What stands before the 32 raw bytes in a PKCS #8 private key (RFC 8410 section 7). */
const PRIVATE_KEY_PREFIXES = {
  X25519: fromHex('302e020100300506032b656e04220420'),
  Ed25519: fromHex('302e020100300506032b657004220420'),
} as const;

/**
 * A raw private key in the form that platforms import. In an array of its own, for the caller to overwrite.
 * @throws {Refusal} `crypto.key-length`
 */
export function encodePrivateKey(
  curve: keyof typeof PRIVATE_KEY_PREFIXES,
  secretKey: Uint8Array,
): Uint8Array<ArrayBuffer> {
  requireKeyLength(secretKey);
  const prefix = PRIVATE_KEY_PREFIXES[curve];
  const encoded = new Uint8Array(prefix.length + 32);
  encoded.set(prefix);
  encoded.set(secretKey, prefix.length);
  return encoded;
}

/** @throws {Refusal} `crypto.key-length` unless the key has 32 bytes. */
export function requireKeyLength(key: Uint8Array): void {
  if (key.length === 32) return;
  throw new Refusal(
    'crypto.key-length',
    `A key has ${key.length} bytes instead of 32.`,
    'Pass the raw 32 bytes of the key.',
  );
}

/**
 * @throws {Refusal} `crypto.low-order-point` unless the X25519 public key is canonical (below 2^255 - 19, top bit
 * clear) and of an order beyond the cofactor, so that no agreement with it can be all zeros.
 */
export function requireAgreementKey(publicKey: Uint8Array): void {
  requireKeyLength(publicKey);
  if (!isBelow(publicKey, FIELD) || LOW_ORDER_U.some((u) => equal(publicKey, u, 0xff))) throw lowOrderPoint();
}

/** @throws {Refusal} `crypto.low-order-point` where the agreed secret is all zeros (RFC 7748 section 6.1). */
export function requireContributory(agreed: Uint8Array): Uint8Array {
  if (agreed.every((byte) => byte === 0)) throw lowOrderPoint();
  return agreed;
}

/**
 * Whether a backend may be asked at all if an Ed25519 signature holds: the lengths are right, S < L (else S + L would be
 * a second signature of the same message), and neither the key nor R is of small order or has a y of 2^255 - 19 or more.
 */
export function isCanonicalSignature(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === 32 &&
    signature.length === 64 &&
    isBelow(signature.subarray(32), ORDER) &&
    isEdwardsPoint(publicKey) &&
    isEdwardsPoint(signature.subarray(0, 32))
  );
}

/** Whether 32 bytes encode a y below 2^255 - 19 that belongs to no point of small order. Not whether it belongs to a point at all. */
export function isEdwardsPoint(encoded: Uint8Array): boolean {
  return isBelow(encoded, FIELD, 0x7f) && !SMALL_ORDER_Y.some((y) => equal(encoded, y, 0x7f));
}

/** Whether the little-endian number, with `topMask` applied to its last byte, is below `bound`. */
function isBelow(number: Uint8Array, bound: Uint8Array, topMask = 0xff): boolean {
  for (let i = 31; i >= 0; i--) {
    const byte = (number[i] ?? 0) & (i === 31 ? topMask : 0xff);
    const limit = bound[i] ?? 0;
    if (byte !== limit) return byte < limit;
  }
  return false;
}

function equal(number: Uint8Array, other: Uint8Array, topMask: number): boolean {
  for (let i = 0; i < 31; i++) if (number[i] !== other[i]) return false;
  return ((number[31] ?? 0) & topMask) === other[31];
}

function lowOrderPoint(): Refusal {
  return new Refusal(
    'crypto.low-order-point',
    'A key agreement was asked for with a point of low order or in a second encoding.',
    'The peer must send a freshly generated X25519 public key.',
  );
}
