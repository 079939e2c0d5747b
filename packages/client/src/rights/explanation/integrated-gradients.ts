/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { Gradient, Predict, Row } from './model.js';

export interface IntegratedGradients {
  /** One a feature, in the unit of the score. */
  readonly values: Float64Array;
  /** Scores of baseline and row. */
  readonly base: number;
  readonly score: number;
  /** What the sum of the values misses of their difference: the error of the integration. */
  readonly gap: number;
}

/**
 * Integrated gradients along the straight line from a baseline to the row (Sundararajan, Taly and Yan, "Axiomatic attribution for deep
 * networks", 2017), by the midpoint rule. The gap tells whether `steps` were enough.
 */
export async function integratedGradients(
  model: { readonly predict: Predict; readonly gradient: Gradient },
  row: Row,
  baseline: Row,
  steps = 64,
): Promise<IntegratedGradients> {
  const path = Array.from({ length: steps }, (_, step) =>
    row.map((value, i) => baseline[i]! + ((value - baseline[i]!) * (step + 0.5)) / steps),
  );
  const gradients = await model.gradient(path);
  const values = row.map((value, i) => {
    const mean = gradients.reduce((sum, gradient) => sum + gradient[i]!, 0) / steps;
    return (value - baseline[i]!) * mean;
  });
  const [base, score] = (await model.predict([baseline, row])) as unknown as [number, number];
  const gap = score - base - values.reduce((sum, value) => sum + value, 0);
  return { values, base, score, gap };
}
