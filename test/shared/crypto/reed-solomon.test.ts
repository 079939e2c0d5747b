import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomBytes, recoverSecret, splitSecret, type RandomSource, type Share } from '@tutti/shared/crypto';
import { PRIME } from '../../../packages/shared/src/crypto/field.js';
import { seededRandom } from '../../support/seeded-random.js';

const code = (code: string) => expect.objectContaining({ code }) as Error;

/** Changes the given limbs to another field element. */
function lie(share: Share, limbs: readonly number[], random: RandomSource): Share {
  const value = share.value.slice();
  for (const limb of limbs) {
    const view = new DataView(value.buffer, 2 * limb, 2);
    const shift = 1 + (new DataView(randomBytes(random, 4).buffer).getUint32(0) % (PRIME - 1));
    view.setUint16(0, (view.getUint16(0, true) + shift) % PRIME, true);
  }
  return { x: share.x, value };
}

const everyLimb = Array.from({ length: 18 }, (_, i) => i);

describe('recovery from wrong shares', () => {
  it('gives the secret and names the liars, up to half of what is beyond the threshold', () => {
    const situation = fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 14 }), fc.nat())
      .chain(([threshold, beyond, seed]) =>
        fc.record({
          threshold: fc.constant(threshold),
          received: fc.constant(threshold + beyond),
          seed: fc.constant(seed),
          liars: fc.integer({ min: 0, max: Math.floor(beyond / 2) }),
          limbs: fc.subarray(everyLimb, { minLength: 1 }),
        }),
      );
    fc.assert(
      fc.property(situation, ({ threshold, received, seed, liars, limbs }) => {
        const random = seededRandom(seed);
        const secret = randomBytes(random, 32);
        // Points in no order and with gaps, as after dropouts.
        const xs = Array.from({ length: received }, (_, i) => 1 + ((i * 37 + seed) % 101)).filter(
          (x, i, all) => all.indexOf(x) === i,
        );
        const shares = splitSecret(secret, threshold, xs, random);
        const wrong = xs.slice(0, liars);
        const recovery = recoverSecret(
          shares.map((share, i) => (i < liars ? lie(share, limbs, random) : share)),
          threshold,
        );
        expect(recovery.secret).toEqual(secret);
        expect(recovery.wrong).toEqual([...wrong].sort((a, b) => a - b));
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('counts liars limb by limb: each may spoil other limbs', () => {
    const random = seededRandom('limb by limb');
    const secret = randomBytes(random, 32);
    const shares = splitSecret(secret, 5, 7, random);
    // One error a limb can be corrected; three holders lie, each in another limb.
    const told = shares.map((share, i) => (i < 3 ? lie(share, [4 * i], random) : share));
    expect(recoverSecret(told, 5)).toEqual({ secret, wrong: [1, 2, 3] });
  });

  it('leaves malformed shares aside, and names them', () => {
    const random = seededRandom('malformed');
    const secret = randomBytes(random, 32);
    const shares = splitSecret(secret, 4, 9, random);
    const told = shares.map((share, i) => {
      if (i === 0) return { x: share.x, value: share.value.with(1, 0xff) };
      if (i === 4) return { x: share.x, value: share.value.subarray(1) };
      return i === 8 ? lie(share, everyLimb, random) : share;
    });
    expect(recoverSecret(told, 4)).toEqual({ secret, wrong: [1, 5, 9] });
  });

  it('works at the size of a round', () => {
    const random = seededRandom('large');
    const secret = randomBytes(random, 32);
    const shares = splitSecret(secret, 51, 99, random);
    const told = shares.map((share, i) => (i % 4 === 1 && i < 96 ? lie(share, everyLimb, random) : share));
    const { secret: recovered, wrong } = recoverSecret(told, 51);
    expect(recovered).toEqual(secret);
    expect(wrong).toEqual(Array.from({ length: 24 }, (_, i) => 4 * i + 2));
  });

  it('recovers the secret of zeros, whose polynomials may vanish', () => {
    const zeros: RandomSource = { kind: 'seeded', fill: (bytes) => bytes.fill(0) };
    const secret = new Uint8Array(32);
    const shares = splitSecret(secret, 3, 5, zeros);
    expect(recoverSecret(shares, 3)).toEqual({ secret, wrong: [] });
    const told = [lie(shares[0]!, everyLimb, seededRandom('zeros')), ...shares.slice(1)];
    expect(recoverSecret(told, 3)).toEqual({ secret, wrong: [1] });
  });

  it('refuses when one more lies than can be corrected', () => {
    for (const [threshold, n] of [
      [3, 7],
      [5, 8],
      [2, 3],
    ] as const) {
      const random = seededRandom(`one more ${threshold}`);
      const secret = randomBytes(random, 32);
      const liars = Math.floor((n - threshold) / 2) + 1;
      const told = splitSecret(secret, threshold, n, random).map((share, i) =>
        i < liars ? lie(share, everyLimb, random) : share,
      );
      let outcome: unknown;
      try {
        outcome = recoverSecret(told, threshold).secret;
      } catch (error) {
        outcome = (error as { code: string }).code;
      }
      expect(outcome).toBe('shamir.uncorrectable');
    }
  });

  it('refuses too few shares, and one point twice', () => {
    const random = seededRandom('few');
    const shares = splitSecret(randomBytes(random, 32), 3, 4, random);
    expect(() => recoverSecret(shares.slice(0, 2), 3)).toThrow(code('shamir.too-few'));
    const malformed = shares.map((share, i) => (i < 2 ? { ...share, value: new Uint8Array(0) } : share));
    expect(() => recoverSecret(malformed, 3)).toThrow(code('shamir.too-few'));
    expect(() => recoverSecret([...shares, shares[0]!], 3)).toThrow(code('shamir.parameters'));
  });

  it('refuses what a dealer shared that is no secret', () => {
    const random = seededRandom('dealer');
    const shares = splitSecret(randomBytes(random, 32), 1, 3, random).map((share) => ({
      x: share.x,
      value: new Uint8Array(36).with(34, 2),
    }));
    expect(() => recoverSecret(shares, 1)).toThrow(code('shamir.limb'));
  });
});
