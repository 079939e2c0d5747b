import { describe, expect, it } from 'vitest';
import {
  decodeStatistics,
  publicGenerator,
  RowCounter,
  statisticsLength,
  statisticsNorm,
  type StatisticsShape,
} from '@tutti/shared/learning';

const shape: StatisticsShape = {
  columns: [
    { name: 'age', lower: 0, upper: 100 },
    { name: 'ratio', lower: -1, upper: 3 },
  ],
  bins: 50,
  rowsPerClient: 1000,
  quantiles: [0.1, 0.5, 0.9],
};

/** A gamma-like age and a ratio, some of them missing. */
function rowsFrom(seed: number, count: number): number[][] {
  const uniform = publicGenerator(seed);
  return Array.from({ length: count }, () => [
    50 * (uniform() + uniform()),
    uniform() < 0.2 ? NaN : 2 * uniform() - 0.5,
  ]);
}

function vectorOf(rows: readonly (readonly number[])[], counted = shape): Float32Array {
  const counter = new RowCounter(counted);
  for (const row of rows) counter.add(row);
  return counter.vector();
}

function summed(vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(statisticsLength(shape));
  for (const vector of vectors) vector.forEach((value, place) => (sum[place] = (sum[place] ?? 0) + value));
  return sum;
}

const norm = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

describe('statistics without noise', () => {
  const clients = Array.from({ length: 20 }, (_, client) => rowsFrom(client + 1, 40 + client));
  const all = clients.flat();
  const columns = decodeStatistics(shape, summed(clients.map((rows) => vectorOf(rows))), 1e-9);

  it.each([0, 1])('are those of all rows together: column %i', (index) => {
    const values = all.map((row) => row[index] ?? NaN).filter((value) => !Number.isNaN(value));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    const found = columns[index];
    expect(found?.count.value).toBeCloseTo(values.length, 3);
    expect(found?.mean?.value).toBeCloseTo(mean, 4);
    expect(found?.deviation?.value).toBeCloseTo(deviation, 3);
  });

  it('have quantiles that are right to a range of the histogram', () => {
    const ages = all.map(([age = NaN]) => age).sort((a, b) => a - b);
    for (const { quantile, value } of columns[0]?.quantiles ?? []) {
      expect(Math.abs(value - (ages[Math.floor(quantile * ages.length)] ?? NaN))).toBeLessThan(100 / 50);
    }
    expect(columns[0]?.quantiles).toHaveLength(3);
    expect(columns[0]?.resolution).toBe(2);
  });
});

describe('one client’s vector', () => {
  it('never exceeds its bound, whatever the rows hold, and how many there are', () => {
    const few = { ...shape, rowsPerClient: 4 };
    const hostile = [
      rowsFrom(1, 5000),
      Array.from({ length: 300 }, () => [1e30, -1e30]),
      Array.from({ length: 300 }, () => [Infinity, -Infinity]),
      [[100, 3]],
      [[NaN, NaN]],
      [],
    ];
    for (const rows of hostile) {
      expect(norm(vectorOf(rows, few))).toBeLessThanOrEqual(statisticsNorm(few) * (1 + 1e-6));
    }
    // The bound is met, so that none smaller would do.
    const extreme = Array.from({ length: 9 }, () => [100, 3]);
    expect(norm(vectorOf(extreme, few))).toBeCloseTo(statisticsNorm(few), 4);
  });

  it('counts a value beyond a bound as the bound', () => {
    expect(vectorOf([[1e9, -7]])).toEqual(vectorOf([[100, -1]]));
  });

  it('weighs rows down to as many as a client may count for', () => {
    const four = { ...shape, rowsPerClient: 4 };
    const [age] = decodeStatistics(four, vectorOf(rowsFrom(3, 400), four), 1e-9);
    expect(age?.count.value).toBeCloseTo(4, 4);
  });

  it('says nothing of a column whose cells are missing', () => {
    const vector = vectorOf([[NaN, 1]]);
    expect(vector.slice(0, statisticsLength(shape) / 2).every((value) => value === 0)).toBe(true);
  });
});

describe('statistics with noise', () => {
  const rows = rowsFrom(7, 600);
  const exact = vectorOf(rows);
  const noise = 8;

  it('deviate as much as they say', () => {
    const uniform = publicGenerator(11);
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const truth = decodeStatistics(shape, exact, 1e-9);
    const off: Record<string, number[]> = { count: [], mean: [], deviation: [] };
    for (let trial = 0; trial < 400; trial++) {
      const noisy = Float64Array.from(exact, (value) => value + noise * normal());
      const found = decodeStatistics(shape, noisy, noise);
      for (const figure of ['count', 'mean', 'deviation'] as const) {
        const [got, right] = [found[0]?.[figure], truth[0]?.[figure]];
        if (got && right) off[figure]?.push((got.value - right.value) / got.noise);
      }
    }
    for (const [figure, scores] of Object.entries(off)) {
      const spread = Math.sqrt(scores.reduce((sum, score) => sum + score ** 2, 0) / scores.length);
      expect(spread, `${figure} of ${scores.length}`).toBeGreaterThan(0.85);
      expect(spread, `${figure} of ${scores.length}`).toBeLessThan(1.15);
    }
  });

  it('give no mean where the count does not stand out of the noise', () => {
    const [age] = decodeStatistics(shape, vectorOf(rowsFrom(2, 10)), noise);
    expect(age?.mean).toBeNull();
    expect(age?.deviation).toBeNull();
    expect(age?.quantiles).toBeNull();
  });

  it('refuses a sum of another shape', () => {
    expect(() => decodeStatistics(shape, new Float64Array(3), 1)).toThrow(/not as many numbers/);
  });
});
