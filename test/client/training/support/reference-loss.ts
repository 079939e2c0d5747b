import type { ModelSpec } from '@tutti/shared/learning';
import type { Examples } from '@tutti/client/training';

/**
 * The mean cross-entropy of a dense classifier in double precision, written from the definition and sharing no code with what it checks.
 */
export function referenceLoss(spec: ModelSpec, weights: ArrayLike<number>, examples: Examples): number {
  let total = 0;
  for (let row = 0; row < examples.count; row++) {
    let values = Array.from({ length: spec.inputs }, (_, i) => examples.features[row * spec.inputs + i]!);
    let offset = 0;
    for (const { units, activation } of [...spec.hidden, { units: spec.classes, activation: 'linear' }]) {
      const inputs = values;
      const kernel = offset;
      const bias = offset + inputs.length * units;
      values = Array.from({ length: units }, (_, o) => {
        const sum = inputs.reduce(
          (acc, x, i) => acc + x * weights[kernel + i * units + o]!,
          weights[bias + o]!,
        );
        if (activation === 'relu') return Math.max(0, sum);
        if (activation === 'tanh') return Math.tanh(sum);
        if (activation === 'sigmoid') return 1 / (1 + Math.exp(-sum));
        return sum;
      });
      offset = bias + units;
    }
    const largest = Math.max(...values);
    const logTotal = largest + Math.log(values.reduce((acc, v) => acc + Math.exp(v - largest), 0));
    total += logTotal - values[examples.labels[row]!]!;
  }
  return total / examples.count;
}

/** Its gradient by central differences. */
export function referenceGradient(
  spec: ModelSpec,
  weights: ArrayLike<number>,
  examples: Examples,
): Float64Array {
  const point = Float64Array.from(weights);
  const step = 1e-5;
  return point.map((value, at) => {
    point[at] = value + step;
    const above = referenceLoss(spec, point, examples);
    point[at] = value - step;
    const below = referenceLoss(spec, point, examples);
    point[at] = value;
    return (above - below) / (2 * step);
  });
}

/** Largest difference between two vectors, relative to the largest entry of the second. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let at = 0; at < expected.length; at++) {
    difference = Math.max(difference, Math.abs(actual[at]! - expected[at]!));
    largest = Math.max(largest, Math.abs(expected[at]!));
  }
  return actual.length === expected.length ? difference / largest : Infinity;
}
