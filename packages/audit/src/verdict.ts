import { deltaFigure, epsilonFigure, gaussianEpsilon, lowerEpsilonFigure } from '@tutti/shared/privacy';
import { planAudit } from './bounds/audit-plan.js';
import { gaussianLowerBound } from './bounds/f-dp.js';
import { oneRunLowerBound } from './bounds/one-run.js';
import type { AuditFinding } from '@tutti/simulation';
import type { CanaryOutcome } from './canaries/example-audit.js';

/** What an audit says beside the claim. All figures of one audit, and none of the coins. */
export interface AuditVerdict {
  readonly unit: 'client' | 'example';
  readonly claimed: { readonly epsilon: number; readonly delta: number };
  readonly confidence: number;
  readonly canaries: number;
  readonly guesses: number;
  readonly correct: number;
  /** Claims below this are refuted. */
  readonly epsilonLower: number;
  /** "As private as a Gaussian mechanism of this ε at δ" is refuted below this. */
  readonly gaussianEpsilonLower: number;
  /** The ε of two normal laws fitted to the scores: an estimate, which bounds nothing. */
  readonly epsilonEstimate: number;
  /** The largest claim that so many guesses could have refuted. */
  readonly largestRefutable: number;
  readonly noiseMultiplier: number;
  /** Of the noise that the claim needs; 1 unless noise was taken off on purpose. */
  readonly noise: number;
  readonly passed: boolean;
}

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

/** What the verdict proves, and what it does not: to be printed wherever its figures are. */
export function verdictWords(verdict: AuditVerdict): readonly string[] {
  const { claimed, confidence, epsilonLower, gaussianEpsilonLower, largestRefutable, passed, unit } = verdict;
  const sure = `${Number((100 * confidence).toPrecision(4))} %`;
  return [
    passed
      ? `The claim ε = ${epsilonFigure(claimed.epsilon)} was not refuted: with ${sure} confidence ε at δ = ${deltaFigure(claimed.delta)} is at least ${lowerEpsilonFigure(epsilonLower)}. This does not prove the claim. It means that this attack, with everything but the coins known to it, found no fault in this code.`
      : `The claim ε = ${epsilonFigure(claimed.epsilon)} is false: with ${sure} confidence ε at δ = ${deltaFigure(claimed.delta)} is at least ${lowerEpsilonFigure(epsilonLower)}. Were the claim true, so many right guesses would come up in fewer than ${Number((100 * (1 - confidence)).toPrecision(3))} % of audits.`,
    largestRefutable > claimed.epsilon
      ? `Had all ${verdict.guesses} guesses been right, claims up to ε = ${lowerEpsilonFigure(largestRefutable)} would have been refuted, and none above.`
      : `Even ${verdict.guesses} right guesses would have refuted no claim above ε = ${lowerEpsilonFigure(largestRefutable)}: this audit would have passed whatever the mechanism does. More canaries are needed.`,
    `As a statement about Gaussian mechanisms alone, “at least as private as Gaussian noise with ε = ${lowerEpsilonFigure(gaussianEpsilonLower)} at this δ” is the strongest that is refuted. The ε of two normal laws fitted to the scores is ${lowerEpsilonFigure(verdict.epsilonEstimate)}: an estimate, which bounds nothing.`,
    unit === 'client'
      ? 'Canary clients took the places of clients in a simulation of the job; what they sent went through clipping, noise and secure aggregation as in a deployment. Another model of the same job is covered so far as it is made by the same code.'
      : 'Canary rows were put among the rows of all clients, and the model was trained on them by DP-SGD at the job’s ε, with an example as the unit. It tests that training, not the federation’s guarantee for a client.',
  ];
}

/** The verdict as the privacy statement has it. */
export function findingOf(verdict: AuditVerdict): AuditFinding {
  const { unit, canaries, guesses, correct, epsilonLower, confidence, claimed, passed } = verdict;
  const method = `one-run audit of Steinke, Nasr and Jagielski (2023), ${canaries} canary ${unit}s, ${correct} of ${guesses} guesses right`;
  return { method, epsilonLower, confidence, claimed: claimed.epsilon, passed };
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
