/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { shuffled, type Background } from './background.js';
import { coalitionOf, coalitionValues, type Coalition } from './coalitions.js';
import { leastSquares } from './least-squares.js';
import { singleFeatures, type Groups, type Predict, type Row } from './model.js';

/** How much each group of features moved the score of one row away from the mean score. */
export interface ShapleyValues {
  /** The mean score over the background. */
  readonly base: number;
  /** The score of the row: `base` plus the sum of `values`. */
  readonly score: number;
  /** One a group. */
  readonly values: Float64Array;
  /** Whether every coalition was looked at; otherwise a random part of them. */
  readonly exact: boolean;
  /** Coalitions that were looked at. */
  readonly coalitions: number;
}

export interface KernelShapOptions {
  /** Default: every feature by itself. */
  readonly groups?: Groups;
  /** Most coalitions to look at: where there are no more, the values are exact. Default: 4,096. */
  readonly coalitions?: number;
  /** Draws from [0, 1): which coalitions, where not all are looked at. */
  readonly uniform: () => number;
}

interface Weighted {
  readonly coalition: Coalition;
  readonly weight: number;
}

/**
 * Shapley values by the weighted regression of Lundberg and Lee, "A unified approach to interpreting model predictions", 2017, Theorem
 * 2: over all coalitions it gives the Shapley values themselves. Larger numbers of groups are sampled, each coalition with its
 * complement (Covert and Lee, "Improving KernelSHAP", 2021, section 4). The values sum to the difference of score and base, always.
 */
export async function kernelShap(
  predict: Predict,
  row: Row,
  background: Background,
  { groups = singleFeatures(row.length), coalitions: most = 4096, uniform }: KernelShapOptions,
): Promise<ShapleyValues> {
  const players = groups.length;
  const exact = players < 31 && 2 ** players <= most;
  const inner = exact ? everyCoalition(players) : sampledCoalitions(players, most, uniform);
  const outer = [new Uint8Array(players), new Uint8Array(players).fill(1)];
  const all = [...outer, ...inner.map(({ coalition }) => coalition)];
  const worth = await coalitionValues(predict, row, background, groups, all);
  const base = worth[0]!;
  const score = worth[1]!;
  const total = score - base;
  // The last value is what the others leave of the total: the constraint is solved for it, and holds exactly.
  const last = players - 1;
  const others = leastSquares(last, equations());
  const values = new Float64Array(players);
  values.set(others);
  values[last] = total - others.reduce((sum, value) => sum + value, 0);
  return { base, score, values, exact, coalitions: all.length };

  function* equations() {
    for (const [index, { coalition, weight }] of inner.entries()) {
      const withLast = coalition[last]!;
      yield {
        weight,
        coefficients: Float64Array.from({ length: last }, (_, i) => coalition[i]! - withLast),
        target: worth[index + 2]! - base - withLast * total,
      };
    }
  }
}

/** Every coalition but the empty and the whole one, with the Shapley kernel: (M - 1) / (C(M, s) s (M - s)). */
function everyCoalition(players: number): Weighted[] {
  return Array.from({ length: Math.max(0, 2 ** players - 2) }, (_, index) => {
    const coalition = coalitionOf(index + 1, players);
    const size = coalition.reduce((sum, member) => sum + member, 0);
    return { coalition, weight: (players - 1) / (binomial(players, size) * size * (players - size)) };
  });
}

/** Coalitions drawn with probability proportional to the kernel, each followed by its complement. */
function sampledCoalitions(players: number, most: number, uniform: () => number): Weighted[] {
  const sizes = Array.from({ length: players - 1 }, (_, index) => 1 / ((index + 1) * (players - index - 1)));
  const total = sizes.reduce((sum, weight) => sum + weight, 0);
  const seats = Array.from({ length: players }, (_, seat) => seat);
  return Array.from({ length: Math.max(players, Math.floor((most - 2) / 2)) }, () => {
    let mark = uniform() * total;
    let size = 1;
    while (size < players - 1 && (mark -= sizes[size - 1]!) >= 0) size++;
    const coalition = new Uint8Array(players);
    for (const seat of shuffled(seats, uniform).slice(0, size)) coalition[seat] = 1;
    return [coalition, coalition.map((member) => 1 - member)].map((drawn) => ({
      coalition: drawn,
      weight: 1,
    }));
  }).flat();
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}
