import { Refusal } from '@tutti/shared/errors';
import { binomialProbabilities } from './binomial.js';

/** What an auditor found in one run: of `canaries` coins it guessed `guesses`, and `correct` of those rightly. */
export interface OneRunAudit {
  /** Canaries, each in the data or not by the toss of a fair coin that the auditor kept. */
  readonly canaries: number;
  /** Fixed before the scores are looked at. */
  readonly guesses: number;
  readonly correct: number;
  readonly delta: number;
}

const LARGEST_EPSILON = 50;

/**
 * An upper bound on the probability of so many right guesses, or more, against any mechanism that is (ε, δ)-differentially private:
 * a small one falsifies the claim. Steinke, Nasr and Jagielski 2023 (arXiv 2305.08846), the theorem for approximate DP.
 *
 * @throws {Refusal} `audit.counts` where the counts contradict one another
 */
export function oneRunPValue({ canaries, guesses, correct, delta }: OneRunAudit, epsilon: number): number {
  if (!(Number.isInteger(correct) && correct >= 0 && correct <= guesses && guesses <= canaries)) {
    throw new Refusal(
      'audit.counts',
      `${correct} right of ${guesses} guesses on ${canaries} canaries cannot be.`,
      'Count again: right guesses are guesses, and each canary is guessed at most once.',
    );
  }
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
  const significance = 1 - confidence;
  if (oneRunPValue(audit, 0) > significance) return 0;
  let low = 0;
  let high = LARGEST_EPSILON;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (oneRunPValue(audit, middle) <= significance) low = middle;
    else high = middle;
  }
  return low;
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
