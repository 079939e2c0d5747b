import { Refusal } from '@tutti/shared/errors';
import { binomialProbabilities } from './binomial.js';
import { largestFalsified } from './search.js';

/** What an auditor found in one run: of `canaries` coins it guessed `guesses`, and `correct` of those rightly. */
export interface OneRunAudit {
  /** Canaries, each in the data or not by the toss of a fair coin that the auditor kept. */
  readonly canaries: number;
  /** Fixed before the scores are looked at. */
  readonly guesses: number;
  readonly correct: number;
  readonly delta: number;
}

/**
 * An upper bound on the probability of so many right guesses, or more, against any mechanism that is (ε, δ)-differentially private:
 * a small one falsifies the claim. Steinke, Nasr and Jagielski 2023 (arXiv 2305.08846), the theorem for approximate DP.
 *
 * @throws {Refusal} `audit.counts` where the counts contradict one another
 */
export function oneRunPValue(audit: OneRunAudit, epsilon: number): number {
  checkCounts(audit);
  const { canaries, guesses, correct, delta } = audit;
  const probabilities = binomialProbabilities(guesses, 1 / (1 + Math.exp(-epsilon)));
  let tail = 0;
  for (let k = guesses; k >= correct; k--) tail += probabilities[k] ?? 0;
  let below = 0;
  let alpha = 0;
  for (let i = 1; i <= correct; i++) {
    below += probabilities[correct - i] ?? 0;
    alpha = Math.max(alpha, below / i);
  }
  return Math.min(1, tail + 2 * canaries * delta * alpha);
}

/**
 * The largest ε that the guesses falsify: whoever claims less is wrong, but with probability 1 - confidence. 0 where they falsify none. A
 * bound above a claim proves a fault; one below it proves nothing.
 *
 * @param confidence - 0.95, say
 */
export function oneRunLowerBound(audit: OneRunAudit, confidence: number): number {
  return largestFalsified((epsilon) => oneRunPValue(audit, epsilon) <= 1 - confidence);
}

/** @throws {Refusal} `audit.counts` where the counts contradict one another */
export function checkCounts({ canaries, guesses, correct }: OneRunAudit): void {
  if (Number.isInteger(correct) && correct >= 0 && correct <= guesses && guesses <= canaries) return;
  throw new Refusal(
    'audit.counts',
    `${correct} right of ${guesses} guesses on ${canaries} canaries cannot be.`,
    'Count again: right guesses are guesses, and each canary is guessed at most once.',
  );
}

/**
 * Guesses by rank: the canaries with the highest scores are in, those with the lowest are out, and nothing is said of the middle.
 *
 * @param scores - one a canary, high where it seems to be in
 * @param included - the coins
 * @param guesses - an even number, fixed beforehand
 */
export function guessByRank(
  scores: ArrayLike<number>,
  included: readonly boolean[],
  guesses: number,
): { correct: number } {
  const order = Array.from(included.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const half = Math.floor(guesses / 2);
  const top = order.slice(0, half).filter((canary) => included[canary]).length;
  const bottom = order.slice(order.length - half).filter((canary) => included[canary] !== true).length;
  return { correct: top + bottom };
}

/**
 * Guesses by sign: a positive score says in, a negative one out, and nothing is said of those nearest to 0.
 *
 * @param scores - one a canary, centred between what the two worlds would give
 * @param included - the coins
 * @param guesses - fixed beforehand
 */
export function guessBySign(
  scores: ArrayLike<number>,
  included: readonly boolean[],
  guesses: number,
): { correct: number } {
  const sure = Array.from(included.keys())
    .sort((a, b) => Math.abs(scores[b] ?? 0) - Math.abs(scores[a] ?? 0))
    .slice(0, guesses);
  return { correct: sure.filter((canary) => (scores[canary] ?? 0) > 0 === included[canary]).length };
}
