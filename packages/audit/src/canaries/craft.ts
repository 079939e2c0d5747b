/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Examples } from '@tutti/client/training';

/** Length of a canary's features, in deviations of the largest kind that real rows have. Clipping bounds what it does to the model. */
const LOUDNESS = 8;

/**
 * Examples that stand out: their features lie in the directions in which the real rows vary least, so that few gradients of real rows point
 * where theirs do, and their labels are drawn. Whoever designs canaries may know everything about the data but the coins: so may the
 * attacker whom differential privacy is about.
 *
 * @param real - rows, of `inputs` features each
 * @param uniform - draws directions and labels
 */
export function craftCanaries(
  real: Examples,
  { inputs, classes }: { readonly inputs: number; readonly classes: number },
  count: number,
  uniform: () => number,
): Examples {
  const { vectors, largest } = principalDirections(real, inputs);
  // One label difference fewer than classes, times so many directions, tell the canaries' gradients apart.
  const span = Math.min(inputs, Math.ceil((1.6 * count) / (classes - 1)));
  const features = new Float32Array(count * inputs);
  const labels = Int32Array.from({ length: count }, () => Math.floor(uniform() * classes));
  const length = LOUDNESS * Math.max(1, largest);
  for (let canary = 0; canary < count; canary++) {
    const mix = Float64Array.from({ length: span }, () => 2 * uniform() - 1);
    const norm = Math.hypot(...mix);
    for (let i = 0; i < inputs; i++) {
      let value = 0;
      for (let k = 0; k < span; k++) value += (mix[k]! / norm) * vectors.get(i, k);
      features[canary * inputs + i] = value * length;
    }
  }
  return { features, labels, count };
}

/** Eigenvectors of the rows' second moments, least first, and the root of the largest eigenvalue. */
function principalDirections({ features, count }: Examples, inputs: number) {
  const moments = Matrix.zeros(inputs, inputs);
  for (let row = 0; row < count; row++) {
    const at = row * inputs;
    for (let i = 0; i < inputs; i++) {
      const value = features[at + i]! / count;
      if (value === 0) continue;
      for (let j = 0; j < inputs; j++) moments.set(i, j, moments.get(i, j) + value * features[at + j]!);
    }
  }
  const { eigenvectorMatrix: vectors, realEigenvalues } = new EigenvalueDecomposition(moments, {
    assumeSymmetric: true,
  });
  return { vectors, largest: Math.sqrt(Math.max(0, realEigenvalues.at(-1)!)) };
}
