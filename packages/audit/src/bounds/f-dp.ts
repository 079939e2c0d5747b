import { gaussianLogDelta, normalCdf } from '@tutti/shared/privacy';
import { checkCounts, type OneRunAudit } from './one-run.js';
import { largestFalsified } from './search.js';

/**
 * Whether the guesses falsify "at least as private as the Gaussian mechanism with parameter µ" at the given significance. Mahloujifar, Melis
 * and Chaudhuri 2024 (arXiv 2410.22235), the recursion on the trade-off function, here `x -> Phi(Phi^-1(x) - µ)`.
 */
function falsifiesGaussian({ canaries, guesses, correct }: OneRunAudit, mu: number, significance: number) {
  let right = (significance * correct) / canaries;
  let wrong = (significance * (guesses - correct)) / canaries;
  for (let i = correct - 1; i >= 0; i--) {
    const grown = Math.max(wrong, normalCdf(normalQuantile(right) - mu));
    if (grown === wrong) break;
    right = Math.min(1, right + (i / (guesses - i)) * (grown - wrong));
    wrong = grown;
  }
  return right + wrong > guesses / canaries;
}

/**
 * The largest ε at `audit.delta` such that the guesses refute "at least as private as a Gaussian mechanism of this (ε, δ)": sharper than
 * {@link oneRunLowerBound}, and about the curve of a Gaussian mechanism, not about (ε, δ) alone. 0 where they refute none.
 *
 * @param audit - with a δ above 0
 * @param confidence - 0.95, say
 * @throws {Refusal} `audit.counts` where the counts contradict one another
 */
export function gaussianLowerBound(audit: OneRunAudit, confidence: number): number {
  checkCounts(audit);
  return largestFalsified((epsilon) =>
    falsifiesGaussian(audit, gaussianDistance(epsilon, audit.delta), 1 - confidence),
  );
}

/** The µ of the Gaussian mechanism whose δ at `epsilon` is `delta` (Balle and Wang 2018, theorem 8), by bisection. */
export function gaussianDistance(epsilon: number, delta: number): number {
  const target = Math.log(delta);
  let [low, high] = [0, 1];
  while (gaussianLogDelta(high, epsilon) < target) high *= 2;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (gaussianLogDelta(middle, epsilon) < target) low = middle;
    else high = middle;
  }
  return low;
}

/** The inverse of the standard normal distribution function, by bisection; infinite at 0 and 1. */
export function normalQuantile(probability: number): number {
  if (probability <= 0) return -Infinity;
  if (probability >= 1) return Infinity;
  let [low, high] = [-40, 40];
  for (let step = 0; step < 70; step++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
