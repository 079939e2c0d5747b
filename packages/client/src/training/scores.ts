/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */

/** A probability that underflowed costs 87 nats, not infinitely many: the smallest positive normal 32-bit float. */
const smallestProbability = 2 ** -126;

/**
 * Cross-entropy and correct predictions of a batch, summed over its rows. Of equally probable classes the first counts as predicted.
 *
 * @param probabilities - one row of `classes` an example
 * @param labels - one class an example
 */
export function scoreBatch(
  probabilities: Float32Array,
  labels: Int32Array,
  classes: number,
): { readonly loss: number; readonly correct: number } {
  let loss = 0;
  let correct = 0;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const at = row * classes;
    loss -= Math.log(Math.max(probabilities[at + label]!, smallestProbability));
    let predicted = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[at + c]! > probabilities[at + predicted]!) predicted = c;
    if (predicted === label) correct++;
  }
  return { loss, correct };
}

/** Cross-entropy of the named rows, summed, each times the weight of its class. Rows of `probabilities` are in the order of `rows`. */
export function weightedLoss(
  probabilities: Float32Array,
  labels: Int32Array,
  rows: Int32Array,
  classWeights: readonly number[] | undefined,
  classes: number,
): number {
  let loss = 0;
  for (let at = 0; at < rows.length; at++) {
    const label = labels[rows[at]!]!;
    const likelihood = Math.max(probabilities[at * classes + label]!, smallestProbability);
    loss -= (classWeights?.[label] ?? 1) * Math.log(likelihood);
  }
  return loss;
}
