import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { blockLengthOf, rotate, unrotate } from '../../../../packages/shared/src/privacy/mechanism/rotate.js';

const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

function rotated(values: Float64Array, seed: Uint8Array): Float64Array {
  const copy = values.slice();
  rotate(copy, blockLengthOf(values.length), seed, primitives);
  return copy;
}

describe('rotation', () => {
  const vectors = fc
    .integer({ min: 1, max: 700 })
    .chain((dimension) =>
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: dimension, maxLength: dimension }),
    )
    .map((values) => Float64Array.from(values));

  it('keeps norm and length, and is undone by its inverse, in every dimension', () => {
    fc.assert(
      fc.property(vectors, fc.integer({ min: 0, max: 255 }), (values, byte) => {
        const seed = seedOf(byte);
        const turned = rotated(values, seed);
        expect(turned.length).toBe(values.length);
        expect(norm(turned)).toBeCloseTo(norm(values), 10);
        unrotate(turned, blockLengthOf(values.length), seed, primitives);
        turned.forEach((value, index) => expect(value).toBeCloseTo(values[index]!, 10));
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('is linear, so that rotated vectors may be summed', () => {
    const a = Float64Array.from({ length: 650 }, (_, index) => Math.sin(index));
    const b = Float64Array.from({ length: 650 }, (_, index) => Math.cos(3 * index));
    const sum = rotated(
      a.map((value, index) => value + b[index]!),
      seedOf(1),
    );
    const [first, second] = [rotated(a, seedOf(1)), rotated(b, seedOf(1))];
    sum.forEach((value, index) => expect(value).toBeCloseTo(first[index]! + second[index]!, 10));
  });

  it('spreads a spike over its block, as flat as it promises', () => {
    for (const [dimension, position] of [
      [650, 0],
      [650, 649],
      [650, 300],
      [1000, 999],
    ] as const) {
      const spike = new Float64Array(dimension);
      spike[position] = 1;
      const largest = Math.max(...rotated(spike, seedOf(position % 256)).map(Math.abs));
      expect(largest).toBeLessThan(6 / Math.sqrt(blockLengthOf(dimension)));
    }
  });

  it('differs from seed to seed, and from block to block', () => {
    const ones = new Float64Array(3 * 65_536).fill(1);
    const first = rotated(ones, seedOf(1));
    expect(first).not.toEqual(rotated(ones, seedOf(2)));
    expect(first.slice(0, 65_536)).not.toEqual(first.slice(65_536, 131_072));
  });

  it('uses the largest power of two that fits, at most 2^16', () => {
    expect([1, 2, 3, 650, 1024, 1_000_000].map(blockLengthOf)).toEqual([1, 2, 2, 512, 1024, 65_536]);
  });

  it('refuses a seed of another length', () => {
    for (const length of [0, 31, 33]) {
      expect(() => rotate(new Float64Array(4), 4, new Uint8Array(length), primitives)).toThrow(
        expect.objectContaining({ code: 'privacy.rotation-seed' }),
      );
    }
  });
});
