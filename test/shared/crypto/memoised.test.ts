import { describe, expect, it } from 'vitest';
import { memoised, utf8, type Primitives } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';

/** Counts what reaches the primitives themselves. */
function counted() {
  const calls = { agree: 0, agreementPublicKey: 0, verify: 0 };
  const counting: Primitives = {
    ...primitives,
    agree: (...args) => (calls.agree++, primitives.agree(...args)),
    agreementPublicKey: (...args) => (calls.agreementPublicKey++, primitives.agreementPublicKey(...args)),
    verify: (...args) => (calls.verify++, primitives.verify(...args)),
  };
  return { calls, cached: memoised(counting) };
}

describe('memoised primitives', () => {
  it('agree once a pair, from whichever end, with the same secret', async () => {
    const { calls, cached } = counted();
    const random = seededRandom('memoised');
    const [a, b] = [await cached.agreementKeyPair(random), await cached.agreementKeyPair(random)];
    const expected = await primitives.agree(a.secretKey, b.publicKey);
    for (let i = 0; i < 3; i++) {
      expect(await cached.agree(a.secretKey, b.publicKey)).toEqual(expected);
      expect(await cached.agree(b.secretKey, a.publicKey)).toEqual(expected);
    }
    expect(calls).toEqual({ agree: 1, agreementPublicKey: 0, verify: 0 });
    const c = await cached.agreementKeyPair(random);
    expect(await cached.agree(a.secretKey, c.publicKey)).not.toEqual(expected);
    expect(calls.agree).toBe(2);
  });

  it('hand out copies, so that one party can wipe what another still uses', async () => {
    const { cached } = counted();
    const random = seededRandom('copies');
    const [a, b] = [await cached.agreementKeyPair(random), await cached.agreementKeyPair(random)];
    const agreed = await cached.agree(a.secretKey, b.publicKey);
    const expected = agreed.slice();
    agreed.fill(0);
    (await cached.agreementPublicKey(a.secretKey)).fill(0);
    expect(await cached.agree(b.secretKey, a.publicKey)).toEqual(expected);
    expect(await cached.agreementPublicKey(a.secretKey)).toEqual(a.publicKey);
  });

  it('check a signature once, and tell apart what differs in key, message or signature', async () => {
    const { calls, cached } = counted();
    const random = seededRandom('verdicts');
    const [a, b] = [await cached.signingKeyPair(random), await cached.signingKeyPair(random)];
    const message = utf8('noon');
    const signature = await cached.sign(a.secretKey, message);
    for (let i = 0; i < 3; i++) {
      expect(await cached.verify(a.publicKey, message, signature)).toBe(true);
      expect(await cached.verify(b.publicKey, message, signature)).toBe(false);
      expect(await cached.verify(a.publicKey, utf8('night'), signature)).toBe(false);
      expect(await cached.verify(a.publicKey, message, signature.with(0, signature[0]! ^ 1))).toBe(false);
    }
    expect(calls.verify).toBe(4);
  });

  it('refuse what the primitives refuse, every time', async () => {
    const { cached } = counted();
    const pair = await cached.agreementKeyPair(seededRandom('refusals'));
    for (let i = 0; i < 2; i++) {
      await expect(cached.agree(pair.secretKey, new Uint8Array(32))).rejects.toThrow(
        expect.objectContaining({ code: 'crypto.low-order-point' }),
      );
      expect(await cached.verify(new Uint8Array(31), utf8('x'), new Uint8Array(64))).toBe(false);
      expect(await cached.verify(new Uint8Array(32), utf8('x'), new Uint8Array(1_000_000))).toBe(false);
    }
  });

  it('forget', async () => {
    const { calls, cached } = counted();
    const random = seededRandom('forget');
    const [a, b] = [await cached.agreementKeyPair(random), await cached.agreementKeyPair(random)];
    const expected = await cached.agree(a.secretKey, b.publicKey);
    cached.forget();
    expect(await cached.agree(a.secretKey, b.publicKey)).toEqual(expected);
    expect(calls).toEqual({ agree: 2, agreementPublicKey: 1, verify: 0 });
  });
});
