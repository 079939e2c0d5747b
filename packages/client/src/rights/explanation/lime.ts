/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { Background } from './background.js';
import { leastSquares } from './least-squares.js';
import type { Predict, Row } from './model.js';

/** A linear model that is nearly the model near one row. */
export interface LocalModel {
  /** Change of the score for one typical step (a standard deviation of the background) of each feature. */
  readonly effects: Float64Array;
  /** What the linear model says at the row. */
  readonly intercept: number;
  /** Weighted share of the variance near the row that it explains. Below some 0.5 it should not be relied on. */
  readonly fit: number;
}

export interface LimeOptions {
  /** Rows tried out near the row. Default: 2,000. */
  readonly samples?: number;
  /** Distance, in standard deviations over all features, at which a sample counts e^-1/2. Default: 0.75 sqrt(inputs). */
  readonly width?: number;
  readonly ridge?: number;
  readonly uniform: () => number;
}

/**
 * LIME for tabular rows: Ribeiro, Singh and Guestrin, "Why should I trust you?", 2016, with normal steps around the row, as large as
 * the background's features scatter. It depends on the draws and on the width: the fit says how far it can be believed.
 */
export async function lime(
  predict: Predict,
  row: Row,
  background: Background,
  { samples = 2000, width = 0.75 * Math.sqrt(row.length), ridge = 1e-3, uniform }: LimeOptions,
): Promise<LocalModel> {
  const scales = standardDeviations(background);
  const steps = Array.from({ length: samples }, () => row.map(() => normal(uniform)));
  const scores = await predict(steps.map((step) => row.map((value, i) => value + scales[i]! * step[i]!)));
  const weights = steps.map((step) =>
    Math.exp(-step.reduce((sum, s) => sum + s * s, 0) / (2 * width * width)),
  );
  const inputs = row.length;
  const solution = leastSquares(
    inputs + 1,
    steps.map((step, index) => ({
      weight: weights[index]!,
      coefficients: Float64Array.from([...step, 1]),
      target: scores[index]!,
    })),
    ridge,
  );
  const effects = solution.slice(0, inputs).map((effect, i) => (scales[i] === 0 ? 0 : effect));
  const intercept = solution[inputs]!;
  return { effects, intercept, fit: fitOf(steps, scores, weights, effects, intercept) };
}

function fitOf(
  steps: readonly Row[],
  scores: Float64Array,
  weights: readonly number[],
  effects: Float64Array,
  intercept: number,
): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = weights.reduce((sum, weight, index) => sum + weight * scores[index]!, 0) / total;
  let residual = 0;
  let variance = 0;
  for (const [index, step] of steps.entries()) {
    const linear = step.reduce((sum, s, i) => sum + s * effects[i]!, intercept);
    residual += weights[index]! * (scores[index]! - linear) ** 2;
    variance += weights[index]! * (scores[index]! - mean) ** 2;
  }
  return variance === 0 ? 1 : 1 - residual / variance;
}

/** Of each feature over the background. Zero where it never varies. */
export function standardDeviations({ rows }: Background): Float64Array {
  const inputs = rows[0]?.length ?? 0;
  return Float64Array.from({ length: inputs }, (_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length;
    return Math.sqrt(rows.reduce((sum, row) => sum + (row[i]! - mean) ** 2, 0) / rows.length);
  });
}

/** A standard normal draw: Box and Muller, 1958. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
