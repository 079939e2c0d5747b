import { dot } from './directions.js';

/**
 * One score a canary: how far the sum of all rounds reaches along its direction, over what a canary would have added that took part as often as is expected, less a half. How often it did
 * take part is not looked at: readers of the models do not know it.
 *
 * @param sum - over all rounds, of the noisy sums of updates
 * @param directions - of length 1
 * @param expected - what each canary sends a round, and in how many rounds
 */
export function canaryScores(
  sum: Float64Array,
  directions: readonly Float64Array[],
  expected: { readonly clipNorm: number; readonly participations: number },
): Float64Array {
  const whole = expected.clipNorm * expected.participations;
  return Float64Array.from(directions, (direction) => dot(sum, direction) / whole - 0.5);
}
