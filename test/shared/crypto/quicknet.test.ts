import { bls12_381 } from '@noble/curves/bls12-381.js';
import { describe, expect, it } from 'vitest';
import { fromHex, quicknetValue, toHex } from '@tutti/shared/crypto';
import recorded from '../../vectors/drand/quicknet.json' with { type: 'json' };

const { Point } = bls12_381.G1;
const { Fp } = bls12_381.fields;
const [first, second] = recorded as [(typeof recorded)[0], (typeof recorded)[1]];

/** The encoding of any point of the curve: the library writes none that it would not read. */
function compressed({ x, y }: { x: bigint; y: bigint }): Uint8Array {
  const bytes = fromHex(x.toString(16).padStart(96, '0'));
  bytes[0] = (bytes[0] ?? 0) | (2n * y > Fp.ORDER ? 0xa0 : 0x80);
  return bytes;
}

describe('a value of quicknet', () => {
  it.each(recorded)('is that of the network in round $round', async ({ round, signature, randomness }) => {
    expect(toHex((await quicknetValue(round, fromHex(signature))) ?? new Uint8Array(0))).toBe(randomness);
  });

  it('is not that of another round', async () => {
    expect(await quicknetValue(first.round, fromHex(second.signature))).toBeUndefined();
    expect(await quicknetValue(first.round + 1, fromHex(first.signature))).toBeUndefined();
  });

  it('is none where a bit of the signature is wrong', async () => {
    const signature = fromHex(first.signature);
    for (const at of [0, 1, 24, 47]) {
      for (const bit of [1, 0x20, 0x40, 0x80]) {
        const flipped = signature.with(at, (signature[at] ?? 0) ^ bit);
        expect(await quicknetValue(first.round, flipped)).toBeUndefined();
      }
    }
  });

  it('has one signature: none is made of it by a point outside the subgroup, which pairings do not see', async () => {
    // A point of the curve, times the order of the subgroup: what is left of it is torsion.
    const root = (x: bigint): bigint | undefined => {
      try {
        return Fp.sqrt(Fp.add(Fp.mul(Fp.sqr(x), x), 4n));
      } catch {
        return undefined;
      }
    };
    let x = 1n;
    while (root(x) === undefined) x++;
    const point = Point.fromAffine({ x, y: root(x) ?? 0n });
    const torsion = point.multiplyUnsafe(Point.Fn.ORDER - 1n).add(point);
    expect(torsion.is0()).toBe(false);
    expect(torsion.isTorsionFree()).toBe(false);
    const signature = Point.fromHex(first.signature);
    expect(toHex(compressed(signature.toAffine()))).toBe(first.signature);
    const other = compressed(signature.add(torsion).toAffine());
    expect(await quicknetValue(first.round, other)).toBeUndefined();
  });

  it('is none of the point at infinity, of a wrong length, or of no round', async () => {
    expect(await quicknetValue(first.round, Point.ZERO.toBytes(true))).toBeUndefined();
    expect(await quicknetValue(first.round, new Uint8Array(48))).toBeUndefined();
    expect(await quicknetValue(first.round, fromHex(first.signature).subarray(1))).toBeUndefined();
    expect(await quicknetValue(first.round, Point.fromHex(first.signature).toBytes(false))).toBeUndefined();
    for (const round of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(await quicknetValue(round, fromHex(first.signature))).toBeUndefined();
    }
  });
});
