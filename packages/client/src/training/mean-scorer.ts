import type { Scorer } from './scorer.js';

/**
 * Several classifiers that are asked as one: the mean of what they say.
 *
 * @param scorers - at least one, of the same inputs and classes
 */
export function meanScorer(scorers: readonly [Scorer, ...Scorer[]]): Scorer {
  const [{ inputs, classes }] = scorers;
  const mean = async (said: (scorer: Scorer) => Promise<readonly Float64Array[]>) => {
    const all = await Promise.all(scorers.map(said));
    return (all[0] ?? []).map((row, at) =>
      row.map((_, index) => all.reduce((sum, rows) => sum + (rows[at]?.[index] ?? 0), 0) / all.length),
    );
  };
  return {
    inputs,
    classes,
    predict: (rows) => mean((scorer) => scorer.predict(rows)),
    gradient: (rows, label) => mean((scorer) => scorer.gradient(rows, label)),
    dispose: () => {
      for (const scorer of scorers) scorer.dispose();
    },
  };
}
