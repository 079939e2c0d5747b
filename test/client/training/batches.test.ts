import { describe, expect, it } from 'vitest';
import { publicGenerator, shuffle } from '@tutti/client/training';
import { shuffledBatches } from '../../../packages/client/src/training/batches.js';

describe('shuffledBatches', () => {
  it('passes over every row once an epoch, the last batch smaller', () => {
    const batches = [...shuffledBatches(10, { epochs: 3, batchSize: 4 }, publicGenerator(1))].length;
    expect(batches).toBe(9);
    const rows: number[] = [];
    const sizes: number[] = [];
    for (const batch of shuffledBatches(10, { epochs: 3, batchSize: 4 }, publicGenerator(1))) {
      rows.push(...batch);
      sizes.push(batch.length);
    }
    expect(sizes).toEqual([4, 4, 2, 4, 4, 2, 4, 4, 2]);
    const epochs = [rows.slice(0, 10), rows.slice(10, 20), rows.slice(20)];
    for (const epoch of epochs)
      expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('has no batch without rows', () => {
    expect([...shuffledBatches(0, { epochs: 3, batchSize: 4 }, publicGenerator(1))]).toEqual([]);
  });
});

describe('shuffle', () => {
  it('makes every order equally likely', () => {
    const uniform = publicGenerator(5);
    const counts = new Map<string, number>();
    for (let trial = 0; trial < 24_000; trial++) {
      const order = shuffle(Int32Array.of(0, 1, 2, 3), uniform).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // Chi-squared with 23 degrees of freedom: 49.7 at 0.001.
    const statistic = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(statistic).toBeLessThan(49.7);
  });
});

describe('publicGenerator', () => {
  it('is fixed for ever by its seed', () => {
    const uniform = publicGenerator(1);
    expect([uniform(), uniform(), uniform()]).toEqual([
      0.09156953275813662, 0.8881928146554285, 0.4342701766889956,
    ]);
  });

  it('draws uniformly from [0, 1)', () => {
    const uniform = publicGenerator(42);
    const draws = Array.from({ length: 100_000 }, uniform);
    expect(draws.every((value) => value >= 0 && value < 1)).toBe(true);
    const tenths = new Array<number>(10).fill(0);
    for (const value of draws) tenths[Math.floor(value * 10)]! += 1;
    // Chi-squared with 9 degrees of freedom: 27.9 at 0.001.
    expect(tenths.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)).toBeLessThan(27.9);
  });

  it('gives unrelated streams for neighbouring seeds, zero included', () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => publicGenerator(seed)());
    expect(new Set(firsts).size).toBe(1000);
    expect(firsts.reduce((a, b) => a + b) / 1000).toBeCloseTo(0.5, 1);
  });
});
