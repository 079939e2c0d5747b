import { ed25519, ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, randomBytes, utf8 } from '@tutti/shared/crypto';
import { isCanonicalSignature } from '../../../packages/shared/src/crypto/curve25519.js';
import { seededRandom } from '../../support/seeded-random.js';
import { backends } from './backends.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const FIELD = 2n ** 255n - 19n;

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function toBytes(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}

describe.each(backends)('%s and Ed25519 signatures that others accept', (_, primitives) => {
  const random = seededRandom('curve25519');
  const message = utf8('three quarters of an hour');

  it('refuses S + L, a second signature of the same message', async () => {
    const { publicKey, secretKey } = await primitives.signingKeyPair(random);
    const signature = await primitives.sign(secretKey, message);
    const malleated = concatBytes(
      signature.subarray(0, 32),
      toBytes(toNumber(signature.subarray(32)) + ORDER),
    );
    expect(await primitives.verify(publicKey, message, signature)).toBe(true);
    expect(await primitives.verify(publicKey, message, malleated)).toBe(false);
    // Not left to the library, because not all of them check.
    expect(isCanonicalSignature(publicKey, signature)).toBe(true);
    expect(isCanonicalSignature(publicKey, malleated)).toBe(false);
  });

  it.each(ED25519_TORSION_SUBGROUP)(
    'refuses small-order key %s, under which R = B, S = 1 signs much',
    async (encoded) => {
      const key = fromHex(encoded);
      const base = Point.BASE.toBytes();
      const signature = concatBytes(base, toBytes(1n));
      for (let i = 0; i < 8; i++)
        expect(await primitives.verify(key, Uint8Array.of(i), signature)).toBe(false);
      // Both the key and R of small order, S = 0: the signature of everything at once.
      expect(await primitives.verify(key, message, concatBytes(key, toBytes(0n)))).toBe(false);
    },
  );

  it('refuses a small-order R under an honest key', async () => {
    const scalar = 12345n;
    const publicKey = Point.BASE.multiply(scalar).toBytes();
    for (const encoded of ED25519_TORSION_SUBGROUP) {
      const r = fromHex(encoded);
      const k = Point.Fn.create(toNumber(sha512(concatBytes(r, publicKey, message))));
      const signature = concatBytes(r, toBytes(Point.Fn.create(k * scalar)));
      expect(await primitives.verify(publicKey, message, signature)).toBe(false);
    }
  });

  it('refuses a key whose y is 2^255 - 19 or more', async () => {
    for (let y = FIELD; y < 2n ** 255n; y++) {
      for (const sign of [0n, 2n ** 255n]) {
        const signature = concatBytes(Point.BASE.toBytes(), toBytes(1n));
        expect(await primitives.verify(toBytes(y + sign), message, signature)).toBe(false);
      }
    }
  });

  it('decides without the cofactor where the key has a torsion part', async () => {
    const scalar = 987654321n;
    const nonce = 1122334455n;
    const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1]!);
    const publicKey = Point.BASE.multiply(scalar).add(torsion).toBytes();
    const r = Point.BASE.multiply(nonce).toBytes();
    const verdicts: boolean[] = [];
    for (let i = 0; i < 40; i++) {
      const text = Uint8Array.of(i);
      const k = Point.Fn.create(toNumber(sha512(concatBytes(r, publicKey, text))));
      const signature = concatBytes(r, toBytes(Point.Fn.create(nonce + k * scalar)));
      const verdict = await primitives.verify(publicKey, text, signature);
      // [k] of a point of order 8 vanishes for multiples of 8 alone; [8][k] always, so a cofactored check always accepts.
      expect(verdict).toBe(k % 8n === 0n);
      verdicts.push(verdict);
    }
    expect(new Set(verdicts).size).toBe(2);
  });

  it('refuses wrong lengths and keys that are no point, and never throws', async () => {
    const { publicKey, secretKey } = await primitives.signingKeyPair(random);
    const signature = await primitives.sign(secretKey, message);
    expect(await primitives.verify(publicKey.subarray(1), message, signature)).toBe(false);
    expect(await primitives.verify(publicKey, message, signature.subarray(0, 63))).toBe(false);
    expect(await primitives.verify(publicKey, message, concatBytes(signature, Uint8Array.of(0)))).toBe(false);
    expect(await primitives.verify(new Uint8Array(0), message, new Uint8Array(0))).toBe(false);
    // y = 2 belongs to no point of the curve.
    expect(await primitives.verify(toBytes(2n), message, signature)).toBe(false);
    expect(await primitives.verify(publicKey, concatBytes(message, Uint8Array.of(0)), signature)).toBe(false);
  });
});

describe.each(backends)('%s and X25519 keys', (_, primitives) => {
  const secretKey = randomBytes(seededRandom('x25519'), 32);

  it.each([
    ['0', 0n],
    ['1', 1n],
    ['order 8', 325606250916557431795983626356110631294008115727848805560023387167927233504n],
    ['order 8, the other', 39382357235489614581723060781553021112529911719440698176882885853963445705823n],
    ['p - 1', FIELD - 1n],
    ['p', FIELD],
    ['p + 1', FIELD + 1n],
    ['p + 9, the base point again', FIELD + 9n],
    ['2^255 - 1', 2n ** 255n - 1n],
    ['9 with the top bit', 9n + 2n ** 255n],
  ])('refuses %s', async (_name, u) => {
    await expect(primitives.agree(secretKey, toBytes(u))).rejects.toThrow(
      expect.objectContaining({ code: 'crypto.low-order-point' }),
    );
  });

  it('refuses keys that have not 32 bytes', async () => {
    const short = new Uint8Array(31).fill(9);
    const code = expect.objectContaining({ code: 'crypto.key-length' }) as Error;
    await expect(primitives.agree(secretKey, short)).rejects.toThrow(code);
    await expect(primitives.agree(short, toBytes(9n))).rejects.toThrow(code);
    await expect(primitives.agreementPublicKey(short)).rejects.toThrow(code);
    await expect(primitives.sign(short, new Uint8Array(0))).rejects.toThrow(code);
    expect(() => primitives.keystream(short)).toThrow(code);
    expect(() => primitives.seal(short, short)).toThrow(code);
    expect(() => primitives.open(short, short)).toThrow(code);
  });

  it('reads a secret key anew after its bytes changed', async () => {
    const reused = secretKey.slice();
    await primitives.agreementPublicKey(reused);
    reused.fill(7);
    expect(await primitives.agreementPublicKey(reused)).toEqual(
      await primitives.agreementPublicKey(new Uint8Array(32).fill(7)),
    );
  });

  it('draws both kinds of key from the source alone', async () => {
    const draw = async () => {
      const random = seededRandom('pairs');
      return [await primitives.agreementKeyPair(random), await primitives.signingKeyPair(random)];
    };
    expect(await draw()).toEqual(await draw());
    const [agreement] = await draw();
    expect(agreement!.publicKey).toEqual(await primitives.agreementPublicKey(agreement!.secretKey));
  });
});
