/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { shuffled } from './background.js';
import { singleFeatures, type Groups, type Row } from './model.js';

/** How much worse the model gets where one group of features is shuffled among the rows. */
export interface Importance {
  /** Mean increase of the loss. Near zero, or below it by chance: the model does not use the group on these rows. */
  readonly mean: number;
  /** Standard deviation over the repeats. */
  readonly deviation: number;
}

export interface ImportanceOptions {
  readonly groups?: Groups;
  /** Shuffles of each group. Default: 10. */
  readonly repeats?: number;
  readonly uniform: () => number;
}

/**
 * Permutation importance (Breiman, "Random forests", 2001, section 10; Fisher, Rudin and Dominici, "All models are wrong, but many are
 * useful", 2019), on a client's own rows.
 *
 * @param predict - the probability of each row's own label
 * @returns one a group: the increase of mean cross-entropy, in nats
 */
export async function permutationImportance(
  predict: (rows: readonly Row[], labels: readonly number[]) => Promise<Float64Array>,
  rows: readonly Row[],
  labels: readonly number[],
  { groups = singleFeatures(rows[0]?.length ?? 0), repeats = 10, uniform }: ImportanceOptions,
): Promise<Importance[]> {
  const loss = async (tried: readonly Row[]) => {
    const probabilities = await predict(tried, labels);
    return probabilities.reduce((sum, p) => sum - Math.log(Math.max(p, 2 ** -126)), 0) / tried.length;
  };
  const before = await loss(rows);
  const result: Importance[] = [];
  for (const features of groups) {
    const increases: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const donors = shuffled(rows, uniform);
      const mixed = rows.map((row, index) => {
        const changed = row.slice();
        for (const feature of features) changed[feature] = donors[index]![feature]!;
        return changed;
      });
      increases.push((await loss(mixed)) - before);
    }
    const mean = increases.reduce((sum, increase) => sum + increase, 0) / repeats;
    const variance = increases.reduce((sum, increase) => sum + (increase - mean) ** 2, 0) / repeats;
    result.push({ mean, deviation: Math.sqrt(variance) });
  }
  return result;
}
