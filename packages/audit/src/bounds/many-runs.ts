import { lowerLimit } from './binomial.js';

/** What an attacker scored over many independent runs. */
export interface ManyRunsAudit {
  readonly truePositives: number;
  readonly members: number;
  readonly falsePositives: number;
  readonly nonMembers: number;
  readonly delta: number;
}

/**
 * A lower bound on ε from true and false positive rates: (ε, δ)-DP caps TPR at e^ε FPR + δ. The confidence is split between the two rates
 * (Clopper and Pearson 1934; Jagielski, Ullman and Oprea 2020, arXiv 2006.07709). Valid over independent runs, with a threshold that was
 * fixed beforehand.
 */
export function manyRunsLowerBound(audit: ManyRunsAudit, confidence: number): number {
  const significance = (1 - confidence) / 2;
  const { truePositives, members, falsePositives, nonMembers, delta } = audit;
  const leastTrue = lowerLimit(members, truePositives, significance);
  const mostFalse = 1 - lowerLimit(nonMembers, nonMembers - falsePositives, significance);
  return Math.max(0, Math.log((leastTrue - delta) / mostFalse) || 0);
}
