/**
 * P(X = k) for k = 0 to n, X binomial, by the ratio of neighbours from the mode outwards and normalised: no factorial overflows,
 * and the tails keep their relative accuracy.
 */
export function binomialProbabilities(n: number, p: number): Float64Array {
  const probabilities = new Float64Array(n + 1);
  if (p <= 0 || p >= 1) {
    probabilities[p <= 0 ? 0 : n] = 1;
    return probabilities;
  }
  const odds = p / (1 - p);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  probabilities[mode] = 1;
  let sum = 1;
  for (let k = mode, weight = 1; k < n; k++) {
    weight *= ((n - k) / (k + 1)) * odds;
    probabilities[k + 1] = weight;
    sum += weight;
  }
  for (let k = mode, weight = 1; k > 0; k--) {
    weight *= k / (n - k + 1) / odds;
    probabilities[k - 1] = weight;
    sum += weight;
  }
  return probabilities.map((weight) => weight / sum);
}

/** P(X >= k), X binomial. */
export function upperTail(n: number, p: number, k: number): number {
  const probabilities = binomialProbabilities(n, p);
  let sum = 0;
  for (let i = n; i >= Math.max(0, k); i--) sum += probabilities[i] ?? 0;
  return Math.min(1, sum);
}

/**
 * One-sided lower confidence limit for a probability of which `successes` of `trials` came true (Clopper and Pearson 1934).
 * @param significance - the limit is too high with at most this probability
 */
export function lowerLimit(trials: number, successes: number, significance: number): number {
  if (successes === 0) return 0;
  let low = 0;
  let high = successes / trials;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (upperTail(trials, middle, successes) < significance) low = middle;
    else high = middle;
  }
  return low;
}
