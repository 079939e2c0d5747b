import { describe, expect, it } from 'vitest';
import { RandomWords, rational } from '@tutti/shared/privacy';
import { integerSquareRoot, toNumber } from '../../../../packages/shared/src/privacy/mechanism/rational.js';
import { seededRandom } from '../../../support/seeded-random.js';
import { chiSquareDeviations, scripted } from './support/exact-laws.js';

describe('random words', () => {
  it('are the source’s bytes, four at a time, little-endian', () => {
    const words = new RandomWords(scripted([1, 0xffff_ffff, 0x8000_0000]), 3);
    expect([words.next(), words.next(), words.next()]).toEqual([1, 0xffff_ffff, 0x8000_0000]);
  });

  it.each([1, 2, 3, 10, 1000, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 5, 2 ** 52 + 1])('stay below %d', (bound) => {
    const words = new RandomWords(seededRandom(`below ${bound}`), 1000);
    for (let draw = 0; draw < 2000; draw++) {
      const value = words.below(bound);
      expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
    }
  });

  it.each([3, 10, 2 ** 31 + 1, 3 * 2 ** 40])('are uniform below %d', (bound) => {
    const words = new RandomWords(seededRandom('uniform'), 16_384);
    const counts = new Float64Array(3);
    const total = 90_000;
    for (let draw = 0; draw < total; draw++) counts[Math.floor((words.below(bound) / bound) * 3)]!++;
    const shares = [0, 1, 2].map((third) => {
      const width = Math.ceil(((third + 1) * bound) / 3) - Math.ceil((third * bound) / 3);
      return width / bound;
    });
    const statistic = counts.reduce(
      (sum, count, third) => sum + (count - total * shares[third]!) ** 2 / (total * shares[third]!),
      0,
    );
    expect(chiSquareDeviations(statistic, 2)).toBeLessThan(4);
  });

  it('are rejected, not reduced, where they lie above the bound', () => {
    // 3 of 0..3 is above a bound of 3: it must be skipped, not folded onto 0.
    expect(new RandomWords(scripted([3, 3, 2]), 3).below(3)).toBe(2);
  });

  it('are gone when they are wiped', () => {
    const words = new RandomWords(scripted([7, 8, ...new Array<number>(14).fill(9), 21]), 3);
    words.next();
    words.wipe();
    expect(words.next()).toBe(21);
  });
});

describe('fractions', () => {
  it('are kept in lowest terms', () => {
    expect(rational(6n, 4n)).toEqual({ numerator: 3n, denominator: 2n });
  });

  it('refuse what is no variance', () => {
    expect(() => rational(-1n, 2n)).toThrow(expect.objectContaining({ code: 'privacy.rational' }));
    expect(() => rational(1n, 0n)).toThrow(expect.objectContaining({ code: 'privacy.rational' }));
  });

  it('become the nearest double, however long they are', () => {
    expect(toNumber(rational(1n, 3n))).toBe(1 / 3);
    const long = 10n ** 40n;
    expect(toNumber(rational(long + 1n, 3n * long)) * 3).toBeCloseTo(1, 14);
    expect(toNumber(rational(long * 7n, 3n))).toBeCloseTo((7 / 3) * 1e40, -25);
  });

  it('have whole roots, rounded down', () => {
    for (const root of [0n, 1n, 2n, 3n, 4096n, 10n ** 20n]) {
      expect(integerSquareRoot(root * root)).toBe(root);
      expect(integerSquareRoot(root * root + 2n * root)).toBe(root);
    }
  });
});
