import { describe, expect, it } from 'vitest';
import {
  fromMeans,
  fromQuantiles,
  kernelShap,
  ownRows,
  type Background,
  type Predict,
} from '@tutti/client/rights';
import { uniformStream } from '@tutti/shared/crypto';
import { seededRandom } from '../../../support/seeded-random.js';

const seed = 'shapley';
const uniform = () => uniformStream(seededRandom(seed));

/** A score in which features interact: products, a threshold and a square. */
const score = (x: Float64Array) =>
  x.reduce((sum, value, i) => sum + (i + 1) * value, 0) +
  3 * x[0]! * (x[1] ?? 0) -
  (x.length > 4 ? 2 * x[2]! * x[3]! * x[4]! : 0) +
  (x.length > 5 && x[5]! > 0.5 ? 1.5 : 0) +
  (x.at(-1) ?? 0) ** 2;
const predict: Predict = (rows) => Promise.resolve(Float64Array.from(rows, score));

function rowsOf(count: number, inputs: number): Float64Array[] {
  const draw = uniformStream(seededRandom(`${seed}/rows`));
  return Array.from({ length: count }, () => Float64Array.from({ length: inputs }, draw));
}

/** Shapley's own formula, from the worth of every coalition: nothing in common with the regression. */
function bruteForce(row: Float64Array, { rows }: Background): number[] {
  const players = row.length;
  const worth = Array.from({ length: 2 ** players }, (_, mask) => {
    const total = rows.reduce(
      (sum, other) => sum + score(other.map((value, i) => ((mask >>> i) & 1 ? row[i]! : value))),
      0,
    );
    return total / rows.length;
  });
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
  return Array.from({ length: players }, (_, player) => {
    let value = 0;
    for (let mask = 0; mask < 2 ** players; mask++) {
      if ((mask >>> player) & 1) continue;
      const size = mask.toString(2).replaceAll('0', '').length;
      const share = (factorial(size) * factorial(players - size - 1)) / factorial(players);
      value += share * (worth[mask | (1 << player)]! - worth[mask]!);
    }
    return value;
  });
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);

describe('Shapley values', () => {
  it('of 10 features are those of Shapley’s formula over all 1,024 coalitions', async () => {
    const [row, ...others] = rowsOf(9, 10);
    const background = ownRows(others);
    const { values, exact, coalitions } = await kernelShap(predict, row!, background, { uniform: uniform() });
    expect({ exact, coalitions }).toEqual({ exact: true, coalitions: 1024 });
    const expected = bruteForce(row!, background);
    expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 9));
  });

  it.each([1, 2, 3, 10, 14])('of %i features sum to score minus base, to 1e-9', async (inputs) => {
    const [row, ...others] = rowsOf(6, inputs);
    const result = await kernelShap(predict, row!, ownRows(others), { uniform: uniform(), coalitions: 2048 });
    expect(result.exact).toBe(inputs < 12);
    expect(result.score).toBeCloseTo(score(row!), 12);
    expect(Math.abs(sum(result.values) - (result.score - result.base))).toBeLessThan(1e-9);
  });

  it('of a linear score are coefficient times distance from the mean, sampled or not', async () => {
    const linear: Predict = (rows) =>
      Promise.resolve(
        Float64Array.from(rows, (x) => x.reduce((total, value, i) => total + (i - 5) * value, 0)),
      );
    const [row, ...others] = rowsOf(6, 20);
    const background = ownRows(others);
    const { values, exact } = await kernelShap(linear, row!, background, {
      uniform: uniform(),
      coalitions: 400,
    });
    expect(exact).toBe(false);
    values.forEach((value, i) => {
      const mean = background.rows.reduce((total, other) => total + other[i]!, 0) / background.rows.length;
      expect(value).toBeCloseTo((i - 5) * (row![i]! - mean), 8);
    });
  });

  it('come near the exact ones where coalitions are sampled', async () => {
    const [row, ...others] = rowsOf(6, 13);
    const options = { uniform: uniform() };
    const exact = await kernelShap(predict, row!, ownRows(others), { ...options, coalitions: 8192 });
    const sampled = await kernelShap(predict, row!, ownRows(others), { ...options, coalitions: 3000 });
    expect([exact.exact, sampled.exact]).toEqual([true, false]);
    exact.values.forEach((value, i) => expect(Math.abs(sampled.values[i]! - value)).toBeLessThan(0.15));
  });

  it('give nothing to a feature that the model does not read, and the same to features that count the same', async () => {
    const symmetric: Predict = (rows) => Promise.resolve(Float64Array.from(rows, (x) => x[0]! * x[1]!));
    const { values } = await kernelShap(
      symmetric,
      Float64Array.of(2, 2, 9),
      fromMeans(Float64Array.of(1, 1, 1)),
      {
        uniform: uniform(),
      },
    );
    expect(values[2]).toBeCloseTo(0, 10);
    expect(values[0]).toBeCloseTo(values[1]!, 10);
  });

  it('of groups count the columns of one category as one', async () => {
    const [row, ...others] = rowsOf(5, 6);
    const groups = [[0, 1], [2], [3, 4, 5]];
    const {
      values,
      base,
      score: own,
    } = await kernelShap(predict, row!, ownRows(others), { groups, uniform: uniform() });
    expect(values).toHaveLength(3);
    expect(sum(values)).toBeCloseTo(own - base, 9);
  });
});

describe('a background', () => {
  it('from quantiles has the given distribution of each feature', () => {
    const { rows } = fromQuantiles(
      [
        [1, 2, 3, 4],
        [10, 20, 30, 40],
      ],
      uniform(),
    );
    expect(rows.map((row) => row[0]).sort()).toEqual([1, 2, 3, 4]);
    expect(rows.map((row) => row[1]).sort()).toEqual([10, 20, 30, 40]);
  });

  it.each([
    ['no rows', () => ownRows([])],
    ['no means', () => fromMeans(new Float64Array(0))],
    ['ragged quantiles', () => fromQuantiles([[1, 2], [1]], uniform())],
  ])('is refused with %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'explanation.background' }) as Error);
  });
});
