import { Refusal } from '@tutti/shared/errors';
import { gaussianLowerBound } from './f-dp.js';
import { oneRunLowerBound } from './one-run.js';

/** How an audit is laid out, before it is made. */
export interface AuditDesign {
  readonly canaries: number;
  /** Even. Default: all canaries. */
  readonly guesses?: number;
  /** Above 0. */
  readonly delta: number;
  /** 0.95, say. */
  readonly confidence: number;
}

/** What an audit of that layout can show at the most. */
export interface AuditPlan extends Required<AuditDesign> {
  /** The largest ε that falls when every guess is right: a claim above it cannot be refuted. */
  readonly largestEpsilon: number;
  /** The same for the Gaussian curve. */
  readonly largestGaussianEpsilon: number;
}

/** @throws {Refusal} `audit.design` where the numbers make no audit */
export function planAudit(design: AuditDesign): AuditPlan {
  const { canaries, guesses = canaries, delta, confidence } = design;
  checkDesign({ canaries, guesses, delta, confidence });
  const perfect = { canaries, guesses, correct: guesses, delta };
  return {
    ...{ canaries, guesses, delta, confidence },
    largestEpsilon: oneRunLowerBound(perfect, confidence),
    largestGaussianEpsilon: gaussianLowerBound(perfect, confidence),
  };
}

/** The fewest right guesses of such an audit that refute `epsilon`; undefined where not even all of them do. */
export function fewestCorrect(design: AuditDesign, epsilon: number): number | undefined {
  const { canaries, guesses = canaries, delta, confidence } = design;
  checkDesign({ canaries, guesses, delta, confidence });
  const refutes = (correct: number) =>
    oneRunLowerBound({ canaries, guesses, correct, delta }, confidence) > epsilon;
  return refutes(guesses) ? smallest(refutes, 0, guesses) : undefined;
}

/**
 * The fewest canaries, all of them guessed, that refute `epsilon` when every guess is right; undefined where δ lets no number do so.
 * More canaries are needed where some guesses go wrong.
 */
export function fewestCanaries(
  epsilon: number,
  { delta, confidence }: Pick<AuditDesign, 'delta' | 'confidence'>,
): number | undefined {
  const refutes = (canaries: number) => planAudit({ canaries, delta, confidence }).largestEpsilon > epsilon;
  let enough = 1;
  while (!refutes(enough)) {
    enough *= 2;
    if (enough > MOST_CANARIES) return undefined;
  }
  return smallest(refutes, Math.floor(enough / 2), enough);
}

const MOST_CANARIES = 2 ** 14;

/** The smallest whole number above `low` that passes, where `high` passes and whatever is above one that passes does too. */
function smallest(passes: (value: number) => boolean, low: number, high: number): number {
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function checkDesign({ canaries, guesses, delta, confidence }: Required<AuditDesign>): void {
  const whole = Number.isInteger(canaries) && Number.isInteger(guesses);
  const fits = guesses >= 1 && guesses <= canaries && delta > 0 && delta < 1;
  if (whole && fits && confidence > 0 && confidence < 1) return;
  throw new Refusal(
    'audit.design',
    `${guesses} guesses on ${canaries} canaries at δ = ${delta} and confidence ${confidence} make no audit.`,
    'Guess at least one canary and at most all of them; δ and the confidence are between 0 and 1.',
  );
}
