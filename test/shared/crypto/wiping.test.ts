import type * as NodeCrypto from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { combineShares, randomBytes, splitSecret, type RandomSource } from '@tutti/shared/crypto';
import { primitives as node } from '@tutti/shared/crypto/primitives';
import { createWebPrimitives } from '@tutti/shared/crypto/web';
import { seededRandom } from '../../support/seeded-random.js';

/** Every array that was handed to a platform as the bytes of a private key. */
const imported = vi.hoisted(() => [] as Uint8Array[]);

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof NodeCrypto>();
  return {
    ...original,
    createPrivateKey: (input: NodeCrypto.PrivateKeyInput) => {
      imported.push(input.key as Uint8Array);
      return original.createPrivateKey(input);
    },
  };
});

const random = seededRandom('wiping');
const secret = randomBytes(random, 32);
const isZero = (numbers: ArrayLike<number>) => Array.from(numbers).every((number) => number === 0);

afterEach(() => {
  imported.length = 0;
  vi.unstubAllGlobals();
});

/** Runs `action` and returns every Float64Array that was made in it. */
function watched(action: () => void): Float64Array[] {
  const made: Float64Array[] = [];
  const Original = Float64Array;
  vi.stubGlobal(
    'Float64Array',
    new Proxy(Original, {
      construct(target, parameters: ConstructorParameters<typeof Float64Array>) {
        const array = new target(...parameters);
        made.push(array);
        return array;
      },
    }),
  );
  action();
  vi.unstubAllGlobals();
  return made;
}

describe('Shamir’s scheme leaves nothing of a secret behind', () => {
  it('in coefficients, limbs, values and what was drawn for them, once the secret is split', () => {
    const drawn: Uint8Array[] = [];
    const source: RandomSource = {
      kind: 'seeded',
      fill: (bytes) => {
        drawn.push(bytes);
        return random.fill(bytes);
      },
    };
    const made = watched(() => splitSecret(secret, 5, 9, source));
    expect(made.length).toBeGreaterThanOrEqual(3);
    expect(made.every(isZero)).toBe(true);
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn.every(isZero)).toBe(true);
    expect(isZero(secret)).toBe(false);
  });

  it('in sums and values, once it is put together', () => {
    const shares = splitSecret(secret, 5, 9, random);
    // The weights are public; a first call has them kept, so that the second makes none.
    combineShares(shares, 5);
    const made = watched(() => combineShares(shares, 5));
    expect(made).toHaveLength(6);
    expect(made.every(isZero)).toBe(true);
  });
});

describe('what a private key is imported from is overwritten', () => {
  it('in Node', async () => {
    const peer = await node.agreementKeyPair(random);
    const own = await node.agreementKeyPair(random);
    await node.agree(own.secretKey, peer.publicKey);
    const identity = await node.signingKeyPair(random);
    await node.sign(identity.secretKey, secret);
    // Once a key, however often it is used.
    expect(imported).toHaveLength(3);
    expect(imported.every(isZero)).toBe(true);
  });

  it('in a browser, keys of masks included', async () => {
    const given: Uint8Array[] = [];
    const subtle = new Proxy(globalThis.crypto.subtle, {
      get(target, name) {
        const member = Reflect.get(target, name) as (...parameters: unknown[]) => unknown;
        return (...parameters: unknown[]) => {
          if (name === 'importKey' && (parameters[0] === 'pkcs8' || parameters[2] === 'AES-CTR'))
            given.push(parameters[1] as Uint8Array);
          return member.apply(target, parameters);
        };
      },
    });
    const web = createWebPrimitives(subtle);
    const own = await web.agreementKeyPair(random);
    const identity = await web.signingKeyPair(random);
    await web.sign(identity.secretKey, secret);
    const key = secret.slice();
    await web.keystream(key).read(new Uint8Array(100));
    expect(given.length).toBeGreaterThanOrEqual(4);
    expect(given.every(isZero)).toBe(true);
    expect([own.secretKey, identity.secretKey, key].some(isZero)).toBe(false);
  });
});
