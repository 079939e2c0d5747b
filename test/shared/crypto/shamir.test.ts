import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combineShares,
  lagrangeWeights,
  randomBytes,
  splitSecret,
  type RandomSource,
} from '@tutti/shared/crypto';
import { fromLimbs, toLimbs } from '../../../packages/shared/src/crypto/limbs.js';
import { invert, multiply, PRIME, reduce } from '../../../packages/shared/src/crypto/field.js';
import { seededRandom } from '../../support/seeded-random.js';

const code = (code: string) => expect.objectContaining({ code }) as Error;
const random = seededRandom('shamir');
const secret = randomBytes(random, 32);

/** Gives these u16 draws, then zeros. */
function scripted(draws: number[]): RandomSource {
  let next = 0;
  return {
    kind: 'seeded',
    fill(bytes) {
      for (let at = 0; at < bytes.length; at += 2) {
        const draw = draws[next++] ?? 0;
        bytes[at] = draw & 0xff;
        bytes[at + 1] = draw >>> 8;
      }
      return bytes;
    },
  };
}

const limb = (value: Uint8Array, index: number) => value[2 * index]! | (value[2 * index + 1]! << 8);

function subsets<Item>(items: readonly Item[], size: number): Item[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) => subsets(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]));
}

describe('the field of 32771 elements', () => {
  it('reduces every sum that sharing can make', () => {
    const values = [0, 1, PRIME - 1, PRIME, PRIME + 1, 32770 * (PRIME - 1) ** 2, 2 ** 53 - 1];
    for (const value of values) expect(reduce(value)).toBe(Number(BigInt(value) % BigInt(PRIME)));
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(reduce(value)).toBe(value % PRIME);
        const multiple = value - (value % PRIME);
        expect(reduce(multiple)).toBe(0);
        if (multiple > 0) expect(reduce(multiple - 1)).toBe(PRIME - 1);
      }),
      { seed: 4, numRuns: 2000 },
    );
    // The last multiples below 2^53 leave the least room for rounding.
    for (let multiple = 2 ** 53 - (2 ** 53 % PRIME), i = 0; i < 10_000; i++, multiple -= PRIME) {
      expect([reduce(multiple - 1), reduce(multiple)]).toEqual([PRIME - 1, 0]);
    }
  });

  it('inverts all but zero', () => {
    for (let a = 1; a < PRIME; a += 7) expect(multiply(a, invert(a))).toBe(1);
  });
});

describe('limbs', () => {
  it('are fifteen bits each, the last one bit', () => {
    const limbs = toLimbs(new Uint8Array(32).fill(0xff));
    expect([...limbs]).toEqual([...Array<number>(17).fill(32767), 1]);
  });

  it('are little-endian in their bits', () => {
    const one = (bit: number) => new Uint8Array(32).with(bit >> 3, 1 << (bit & 7));
    for (const bit of [0, 7, 14, 15, 16, 100, 254, 255]) {
      const expected = Array<number>(18).fill(0);
      expected[Math.floor(bit / 15)] = 2 ** (bit % 15);
      expect([...toLimbs(one(bit))]).toEqual(expected);
    }
  });

  it('give the secret back, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(fromLimbs(toLimbs(bytes))).toEqual(bytes);
      }),
      { seed: 5 },
    );
    const limbs = toLimbs(secret);
    for (let i = 0; i < 17; i++) expect(() => fromLimbs(limbs.with(i, 32768))).toThrow(code('shamir.limb'));
    expect(() => fromLimbs(limbs.with(17, 2))).toThrow(code('shamir.limb'));
  });
});

describe('Shamir sharing', () => {
  it('evaluates 5 + 7x + 11x² as by hand', () => {
    const five = new Uint8Array(32).with(0, 5);
    const coefficients = [0, 7, 11].flatMap((coefficient) => Array<number>(18).fill(coefficient));
    const shares = splitSecret(five, 3, [1, 2, 3, 32770], scripted(coefficients));
    expect(shares.map(({ x }) => x)).toEqual([1, 2, 3, 32770]);
    expect(shares.map(({ value }) => limb(value, 0))).toEqual([23, 63, 125, 9]);
    expect(shares.map(({ value }) => limb(value, 17))).toEqual([18, 58, 120, 4]);
    expect(combineShares(shares.slice(1), 3)).toEqual(five);
  });

  it('rejects draws of 32771 and more instead of folding them', () => {
    const accepted = Array<number>(18 * 2).fill(3);
    const plain = splitSecret(secret, 2, 3, scripted(accepted));
    const interrupted = splitSecret(secret, 2, 3, scripted(accepted.flatMap((draw) => [32771, 65535, draw])));
    expect(interrupted).toEqual(plain);
    // 32770 is an element.
    const highest = splitSecret(new Uint8Array(32), 2, 2, scripted(Array<number>(36).fill(32770)));
    expect(limb(highest[0]!.value, 0)).toBe(32770);
  });

  it('comes together from every set of as many shares as the threshold, for all sizes to twelve', () => {
    for (let n = 1; n <= 12; n++) {
      for (let threshold = 1; threshold <= n; threshold++) {
        const shares = splitSecret(secret, threshold, n, random);
        expect(shares).toHaveLength(n);
        for (const subset of subsets(shares, threshold)) {
          if (Buffer.compare(combineShares(subset, threshold), secret) !== 0)
            expect.fail(`${threshold} of ${n}`);
        }
      }
    }
  });

  it('takes shares in any order, and more than it needs', () => {
    const shares = splitSecret(secret, 4, [9, 1, 32770, 500, 77, 3], random);
    expect(combineShares([...shares].reverse(), 4)).toEqual(secret);
    expect(combineShares(shares, 4)).toEqual(secret);
  });

  it('serves a round of a thousand', () => {
    const shares = splitSecret(secret, 501, 999, random);
    expect(combineShares(shares.slice(498), 501)).toEqual(secret);
  });

  it('gives one share short of the threshold a uniform law, whatever the secret', () => {
    for (const fixed of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const buckets = new Float64Array(16);
      for (let i = 0; i < 500; i++) {
        const [share] = splitSecret(fixed, 2, 2, random);
        for (let at = 0; at < 18; at++) buckets[Math.floor((limb(share!.value, at) * 16) / PRIME)]!++;
      }
      const expected = (500 * 18) / 16;
      const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 15 degrees of freedom: above 44.3 once in 10,000 seeds.
      expect(chiSquare).toBeLessThan(44.3);
    }
  });

  it('says nothing with one share short: any secret fits', () => {
    const shares = splitSecret(secret, 3, 3, random);
    const others = shares.slice(0, 2);
    const found = new Set<number>();
    for (let y = 0; y < PRIME; y += 1) {
      const w = lagrangeWeights([1, 2, 3]);
      found.add(reduce(others.reduce((sum, { value }, i) => sum + limb(value, 0) * w[i]!, y * w[2]!)));
    }
    expect(found.size).toBe(PRIME);
  });
});

describe('Shamir sharing refuses', () => {
  const shares = splitSecret(secret, 3, 5, random);

  it.each<[string, number, number | number[]]>([
    ['a threshold of 0', 0, 5],
    ['a fraction', 1.5, 5],
    ['a threshold above the holders', 6, 5],
    ['no holders', 1, 0],
    ['point 0, where the secret is', 1, [0, 1]],
    ['a negative point', 1, [-1]],
    ['point 32771, which is 0 again', 1, [32771]],
    ['a fractional point', 1, [1.5]],
    ['one point twice', 1, [4, 4]],
    ['more holders than points', 2, 32771],
  ])('%s', (_, threshold, xs) => {
    expect(() => splitSecret(secret, threshold, xs, random)).toThrow(code('shamir.parameters'));
  });

  it('secrets that have not 32 bytes', () => {
    expect(() => splitSecret(secret.subarray(1), 2, 3, random)).toThrow(code('shamir.parameters'));
  });

  it('too few shares', () => {
    expect(() => combineShares(shares.slice(0, 2), 3)).toThrow(code('shamir.too-few'));
    expect(() => combineShares([], 0)).toThrow(code('shamir.parameters'));
  });

  it('one share counted twice', () => {
    expect(() => combineShares([shares[0]!, shares[1]!, shares[0]!], 3)).toThrow(code('shamir.parameters'));
  });

  it('a share at point 0', () => {
    expect(() => combineShares([shares[0]!, shares[1]!, { ...shares[2]!, x: 0 }], 3)).toThrow(
      code('shamir.parameters'),
    );
  });

  it('values that are no field element, and wrong lengths', () => {
    const altered = (value: Uint8Array) => [shares[0]!, shares[1]!, { x: 3, value }];
    const { value } = shares[2]!;
    for (const bad of [
      value.with(0, 0x03).with(1, 0x80),
      value.with(35, 0xff),
      value.subarray(2),
      new Uint8Array(38),
    ]) {
      expect(() => combineShares(altered(bad), 3)).toThrow(code('shamir.share'));
    }
  });

  it('combinations that are no secret', () => {
    // The top limb must be 0 or 1: of 32771 values for one share, all but two are noticed here.
    const wrong = shares[2]!.value.slice();
    wrong[34] = wrong[34]! ^ 0x55;
    expect(() => combineShares([shares[0]!, shares[1]!, { x: 3, value: wrong }], 3)).toThrow(
      code('shamir.limb'),
    );
  });
});
