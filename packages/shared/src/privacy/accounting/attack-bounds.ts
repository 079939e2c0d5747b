/**
 * What (epsilon, delta) means to an attacker who tests whether one unit took part (Wasserman, Zhou 2010, arXiv 0811.2501;
 * Kairouz, Oh, Viswanath 2015, arXiv 1311.0776): every test obeys TPR <= e^epsilon FPR + delta, and the same of the two kinds
 * of error exchanged.
 */
export interface Guarantee {
  readonly epsilon: number;
  readonly delta: number;
}

/** The largest true-positive rate of any attack whose false-positive rate is `falsePositiveRate`. */
export function largestTruePositiveRate({ epsilon, delta }: Guarantee, falsePositiveRate: number): number {
  if (epsilon === Infinity) return 1;
  return Math.min(
    1,
    Math.exp(epsilon) * falsePositiveRate + delta,
    1 - Math.exp(-epsilon) * Math.max(0, 1 - delta - falsePositiveRate),
  );
}

/**
 * The largest probability with which any attack guesses rightly whether the unit took part, when it did with probability
 * `prior` and the attacker knows so. At even odds: (e^epsilon + delta) / (1 + e^epsilon).
 */
export function bestGuess(guarantee: Guarantee, prior = 0.5): number {
  const { epsilon, delta } = guarantee;
  // The trade-off of the two rates is piecewise linear, so that the best attack is one of its corners.
  const corners = [0, (1 - delta) / (1 + Math.exp(epsilon)), 1 - delta, 1];
  const right = corners.map(
    (rate) => prior * largestTruePositiveRate(guarantee, rate) + (1 - prior) * (1 - rate),
  );
  return Math.min(1, Math.max(...right));
}

/**
 * The largest belief that an outcome can leave an attacker with who believed in the unit's presence with probability
 * `prior`; with probability delta an outcome may be worse.
 */
export function largestBelief({ epsilon }: Guarantee, prior: number): number {
  return prior / (prior + (1 - prior) * Math.exp(-epsilon));
}

/** The guarantee of `size` units together: size epsilon, and delta (e^(size epsilon) - 1) / (e^epsilon - 1). */
export function groupGuarantee({ epsilon, delta }: Guarantee, size: number): Guarantee {
  const growth = epsilon === 0 ? size : Math.expm1(size * epsilon) / Math.expm1(epsilon);
  return { epsilon: size * epsilon, delta: delta === 0 ? 0 : Math.min(1, delta * growth) };
}
