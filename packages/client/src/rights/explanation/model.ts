/** Features of one example. */
export type Row = Float64Array;

/** What is explained: one score a row, such as the probability of one class. */
export type Predict = (rows: readonly Row[]) => Promise<Float64Array>;

/** How that score changes with each feature, one vector a row. */
export type Gradient = (rows: readonly Row[]) => Promise<readonly Row[]>;

/** Features that enter and leave together, such as the columns of one category: indices, each in one group. */
export type Groups = readonly (readonly number[])[];

/** Every feature by itself. */
export function singleFeatures(inputs: number): Groups {
  return Array.from({ length: inputs }, (_, feature) => [feature]);
}
