import { gaussianEpsilon } from '@tutti/shared/privacy';
import type { AuditVerdict } from '@tutti/shared/rights';
import { planAudit } from './bounds/audit-plan.js';
import { gaussianLowerBound } from './bounds/f-dp.js';
import { oneRunLowerBound } from './bounds/one-run.js';
import type { CanaryOutcome } from './canaries/example-audit.js';

export { findingOf, verdictWords, type AuditVerdict } from '@tutti/shared/rights';

/** Sets what was guessed beside what is claimed. */
export function verdictOf(
  outcome: CanaryOutcome,
  { unit, confidence, noise }: Pick<AuditVerdict, 'unit' | 'confidence' | 'noise'>,
): AuditVerdict {
  const { canaries, guesses, correct, delta, claimedEpsilon, noiseMultiplier } = outcome;
  const epsilonLower = oneRunLowerBound(outcome, confidence);
  return {
    unit,
    claimed: { epsilon: claimedEpsilon, delta },
    ...{ confidence, canaries, guesses, correct, epsilonLower },
    gaussianEpsilonLower: gaussianLowerBound(outcome, confidence),
    epsilonEstimate: estimate(outcome),
    largestRefutable: planAudit({ canaries, guesses, delta, confidence }).largestEpsilon,
    ...{ noiseMultiplier, noise },
    passed: epsilonLower <= claimedEpsilon,
  };
}

/** Andrew et al. 2023 (arXiv 2302.03098): normals fitted to the scores of the canaries that were in and of those that were out. */
function estimate({ scores, included, delta }: CanaryOutcome): number {
  const [inside, outside] = [true, false].map((world) =>
    moments(scores.filter((_, canary) => included[canary] === world)),
  );
  if (inside === undefined || outside === undefined) return 0;
  const deviation = Math.sqrt((inside.variance + outside.variance) / 2);
  const distance = (inside.mean - outside.mean) / deviation;
  return distance > 0 ? Math.min(gaussianEpsilon(distance, delta), 1e6) : 0;
}

function moments(values: Float64Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance };
}
