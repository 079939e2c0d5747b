/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { Background } from './background.js';
import type { Predict } from './model.js';

/** The mean score as one feature runs through its range, all others as they are in the background. */
export interface Dependence {
  readonly grid: Float64Array;
  readonly scores: Float64Array;
}

/**
 * Partial dependence (Friedman, "Greedy function approximation", 2001, section 8.2). It shows rows that need not exist where features
 * go together.
 *
 * @param grid - values of the feature; default: 21 equally spaced ones between the least and the greatest of the background
 */
export async function partialDependence(
  predict: Predict,
  background: Background,
  feature: number,
  grid = rangeOf(background, feature, 21),
): Promise<Dependence> {
  const { rows } = background;
  const scores = new Float64Array(grid.length);
  for (const [index, value] of grid.entries()) {
    const predicted = await predict(rows.map((row) => row.with(feature, value)));
    scores[index] = predicted.reduce((sum, score) => sum + score, 0) / rows.length;
  }
  return { grid, scores };
}

function rangeOf({ rows }: Background, feature: number, points: number): Float64Array {
  let least = Infinity;
  let greatest = -Infinity;
  for (const row of rows) {
    least = Math.min(least, row[feature]!);
    greatest = Math.max(greatest, row[feature]!);
  }
  return Float64Array.from({ length: points }, (_, i) => least + ((greatest - least) * i) / (points - 1));
}
