import { Refusal } from '../../errors.js';
import { type Residues, unwrap } from './encode.js';
import type { EncodingPlan } from './plan.js';

export interface AdaptiveClipOptions {
  /** The quantile of the update norms that the clip norm is to follow, 0 to 1. Default 0.5, the median. */
  readonly target?: number;
  /** Step of the clip norm's logarithm. Default 0.2. */
  readonly learningRate?: number;
}

/**
 * The noise multiplier that is left for the updates when the clip bits take their part, so that both together cost what one release
 * of multiplier z does: `(z^-2 - (2 sigma_b)^-2)^(-1/2)` (Andrew et al. 2021, arXiv 1905.03871, Theorem 1). Plans that pack the bit
 * do this by themselves; it is for a coordinator that adds both noises.
 * @param clipBitDeviation - of the noise on the sum of the bits, each counted as + or - 1/2
 * @throws {Refusal} `privacy.clip-bit` where the bits' noise is too small
 */
export function updateNoiseMultiplier(noiseMultiplier: number, clipBitDeviation: number): number {
  const rest = noiseMultiplier ** -2 - (2 * clipBitDeviation) ** -2;
  if (rest > 0) return rest ** -0.5;
  throw new Refusal(
    'privacy.clip-bit',
    `Noise of deviation ${clipBitDeviation} on the clip bits costs more than the noise multiplier ${noiseMultiplier} allows.`,
    'Raise the deviation of the clip bits’ noise; a twentieth of the cohort is usual.',
  );
}

/**
 * The fraction of updates that were within the clip norm, as a round's sum tells it, with noise: 0 to 1.
 * @param expectedCohort - public: the expected number of survivors, never the actual one
 * @throws {Refusal} `privacy.clip-bit` where the plan packs no bit; `privacy.sum-shape`
 */
export function withinClipFraction(plan: EncodingPlan, sum: Residues, expectedCohort: number): number {
  if (plan.clipBit === undefined) {
    throw new Refusal(
      'privacy.clip-bit',
      'The plan packs no clip bit.',
      'Plan the encoding with a clip bit.',
    );
  }
  const signed = unwrap(plan, sum)[plan.dimension] as number;
  return Math.min(1, Math.max(0, 0.5 + signed / (2 * plan.clipBit.amplitude) / expectedCohort));
}

/**
 * The next clip norm: `C exp(-rate (fraction - target))` (the paper's Algorithm 1, geometric update). More updates within the norm
 * than the target lower it.
 */
export function nextClipNorm(
  clipNorm: number,
  fraction: number,
  { target = 0.5, learningRate = 0.2 }: AdaptiveClipOptions = {},
): number {
  return clipNorm * Math.exp(-learningRate * (fraction - target));
}
