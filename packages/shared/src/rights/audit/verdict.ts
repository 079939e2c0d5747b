import { z } from 'zod';
import { deltaFigure, epsilonFigure, lowerEpsilonFigure } from '../../privacy/index.js';

const epsilon = z.number().min(0);
const whole = z.int().min(0).max(1_000_000_000);

/** What an audit says beside the claim. All figures of one audit, and none of the coins. */
export const auditVerdictSchema = z.strictObject({
  unit: z.enum(['client', 'example']),
  claimed: z.strictObject({ epsilon, delta: z.number().gt(0).lt(1) }),
  confidence: z.number().min(0.5).lt(1),
  canaries: whole,
  guesses: whole,
  correct: whole,
  /** Claims below this are refuted. */
  epsilonLower: epsilon,
  /** "As private as a Gaussian mechanism of this ε at δ" is refuted below this. */
  gaussianEpsilonLower: epsilon,
  /** The ε of two normal laws fitted to the scores: an estimate, which bounds nothing. */
  epsilonEstimate: epsilon,
  /** The largest claim that so many guesses could have refuted. */
  largestRefutable: epsilon,
  noiseMultiplier: z.number().min(0),
  /** Of the noise that the claim needs; 1 unless noise was taken off on purpose. */
  noise: z.number().min(0),
  passed: z.boolean(),
  /** Where the canaries took part in a deployment, and not in a simulation. */
  deployment: z
    .strictObject({
      /** SHA-256 by which the ledger names the canaries from before the first round. */
      commitment: z.string().regex(/^[0-9a-f]{64}$/),
      rounds: whole,
      /** How often a canary was charged for a round: all of them together, and what is expected of so many draws. */
      participations: whole,
      expectedParticipations: z.number().min(0),
    })
    .optional(),
});

export type AuditVerdict = Readonly<z.output<typeof auditVerdictSchema>>;

/** What the verdict proves, and what it does not: to be printed wherever its figures are. */
export function verdictWords(verdict: AuditVerdict): readonly string[] {
  const { claimed, confidence, epsilonLower, gaussianEpsilonLower, largestRefutable, passed } = verdict;
  const sure = `${Number((100 * confidence).toPrecision(4))} %`;
  return [
    passed
      ? `The claim ε = ${epsilonFigure(claimed.epsilon)} was not refuted: with ${sure} confidence ε at δ = ${deltaFigure(claimed.delta)} is at least ${lowerEpsilonFigure(epsilonLower)}. This does not prove the claim. It means that this attack, with everything but the coins known to it, found no fault in this code.`
      : `The claim ε = ${epsilonFigure(claimed.epsilon)} is false: with ${sure} confidence ε at δ = ${deltaFigure(claimed.delta)} is at least ${lowerEpsilonFigure(epsilonLower)}. Were the claim true, so many right guesses would come up in fewer than ${Number((100 * (1 - confidence)).toPrecision(3))} % of audits.`,
    largestRefutable > claimed.epsilon
      ? `Had all ${verdict.guesses} guesses been right, claims up to ε = ${lowerEpsilonFigure(largestRefutable)} would have been refuted, and none above.`
      : `Even ${verdict.guesses} right guesses would have refuted no claim above ε = ${lowerEpsilonFigure(largestRefutable)}: this audit would have passed whatever the mechanism does. More canaries are needed.`,
    `As a statement about Gaussian mechanisms alone, “at least as private as Gaussian noise with ε = ${lowerEpsilonFigure(gaussianEpsilonLower)} at this δ” is the strongest that is refuted. The ε of two normal laws fitted to the scores is ${lowerEpsilonFigure(verdict.epsilonEstimate)}: an estimate, which bounds nothing.`,
    whereWords(verdict),
  ];
}

function whereWords({ unit, deployment }: AuditVerdict): string {
  if (deployment !== undefined) {
    const { rounds, participations, expectedParticipations, commitment } = deployment;
    return `Canary clients of the operator’s took part in the deployment itself, through its secure aggregation: ${participations} times in ${rounds} rounds, where ${expectedParticipations.toFixed(0)} were to be expected. Coins and directions are those that the ledger holds a commitment to (${commitment.slice(0, 12)}) from before the first round. Put to the test was the noise in the sums of this job, whatever software added it, against readers of the models. It says nothing of a coordinator that sees who takes part, of another job, or of whether clients were drawn by chance.`;
  }
  return unit === 'client'
    ? 'Canary clients took the places of clients in a simulation of the job; what they sent went through clipping, noise and secure aggregation as in a deployment. Another model of the same job is covered so far as it is made by the same code.'
    : 'Canary rows were put among the rows of all clients, and the model was trained on them by DP-SGD at the job’s ε, with an example as the unit. It tests that training, not the federation’s guarantee for a client.';
}

/** What the privacy statement says of an audit. */
export interface AuditFinding {
  readonly method: string;
  readonly epsilonLower: number;
  readonly confidence: number;
  /** The ε that was put to the test. */
  readonly claimed: number;
  readonly passed: boolean;
}

/** The verdict as the privacy statement has it. */
export function findingOf(verdict: AuditVerdict): AuditFinding {
  const { unit, canaries, guesses, correct, epsilonLower, confidence, claimed, passed, deployment } = verdict;
  const where = deployment === undefined ? '' : ' in the deployment itself';
  const method = `one-run audit of Steinke, Nasr and Jagielski (2023), ${canaries} canary ${unit}s${where}, ${correct} of ${guesses} guesses right`;
  return { method, epsilonLower, confidence, claimed: claimed.epsilon, passed };
}
