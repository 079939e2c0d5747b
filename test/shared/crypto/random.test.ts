import { describe, expect, it } from 'vitest';
import { randomBytes, uniform, uniformStream, type RandomSource } from '@tutti/shared/crypto';
import { seededRandom } from '../../support/seeded-random.js';

const constant = (byte: number): RandomSource => ({ kind: 'seeded', fill: (bytes) => bytes.fill(byte) });

describe('uniform doubles', () => {
  it('lie in [0, 1), with 53 bits', () => {
    expect(uniform(constant(0))).toBe(0);
    expect(uniform(constant(0xff))).toBe(1 - 2 ** -53);
  });

  it('are the same read one by one or in blocks of any size', () => {
    const source = seededRandom('uniform');
    const single = Array.from({ length: 100 }, () => uniform(source));
    for (const block of [1, 7, 100, 1024]) {
      const next = uniformStream(seededRandom('uniform'), block);
      expect(Array.from({ length: 100 }, () => next())).toEqual(single);
    }
  });

  it('fill the interval evenly', () => {
    const next = uniformStream(seededRandom('even'));
    const buckets = new Float64Array(20);
    for (let i = 0; i < 20_000; i++) buckets[Math.floor(next() * 20)]!++;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 19 degrees of freedom: above 50.8 once in 10,000 seeds.
    expect(chiSquare).toBeLessThan(50.8);
  });

  it('come from as many bytes as asked for', () => {
    expect(randomBytes(constant(5), 3)).toEqual(Uint8Array.of(5, 5, 5));
  });
});
