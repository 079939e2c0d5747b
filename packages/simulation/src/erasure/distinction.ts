/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { createScorer, type Examples } from '@tutti/client/training';
import { countWeights, isPlainDense, weightsFromBytes, type ModelSpec } from '@tutti/shared/learning';
import type { Distinction } from '@tutti/shared/rights';

/**
 * Compares two models by how well their losses tell erased rows from rows that were never trained on. Undefined where there are no rows, and
 * for models of other than dense layers.
 */
export async function distinctionOf(
  spec: ModelSpec,
  models: { readonly before: Uint8Array; readonly after: Uint8Array },
  erased: Examples,
  others: Examples,
): Promise<Distinction | undefined> {
  if (erased.count === 0 || others.count === 0 || !isPlainDense(spec)) return undefined;
  const measure = async (bytes: Uint8Array) => {
    const scorer = createScorer(spec, weightsFromBytes(bytes, countWeights(spec)));
    const losses = async (examples: Examples) => {
      const rows = Array.from({ length: examples.count }, (_, row) =>
        Float64Array.from(examples.features.subarray(row * spec.inputs, (row + 1) * spec.inputs)),
      );
      const probabilities = await scorer.predict(rows);
      return probabilities.map(
        (vector, row) => -Math.log(Math.max(vector[examples.labels[row]!]!, 2 ** -126)),
      );
    };
    return probabilityLarger(await losses(others), await losses(erased));
  };
  const [n, m] = [erased.count, others.count];
  return {
    rows: n,
    others: m,
    before: await measure(models.before),
    after: await measure(models.after),
    deviation: Math.sqrt((n + m + 1) / (12 * n * m)),
  };
}

/** The probability that a value of `ones` is larger than one of `others`, ties counting half (Mann and Whitney 1947). */
function probabilityLarger(ones: readonly number[], others: readonly number[]): number {
  let wins = 0;
  for (const one of ones) for (const other of others) wins += one > other ? 1 : one === other ? 0.5 : 0;
  return wins / (ones.length * others.length);
}
