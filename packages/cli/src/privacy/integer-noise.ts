import type { EventFlags } from './flags.js';
import { conflicting, missing } from './refusals.js';

/** Sensitivities and total variance of noise on a vector of integers, in grid steps. */
export interface IntegerNoise {
  readonly dimension: number;
  readonly l2Sensitivity: number;
  readonly l1Sensitivity: number;
  readonly variance: number;
  readonly shares: number;
}

/**
 * Works out the integer domain from the flags. The bound is given by --l2, or follows from --clip-norm and --scale with what rounding
 * adds; the noise is given in total, for one share, or relative to the clip norm.
 */
export function integerNoise(flags: EventFlags): IntegerNoise {
  const dimension =
    flags.dimension ?? missing('--dimension', `for ${flags.mechanism}: the length of the vector`);
  const { l2, clip } = boundOf(flags, dimension);
  const factor = flags.l2 === undefined && flags.relation === 'replace-one' ? 2 : 1;
  const l2Sensitivity = l2 * factor;
  const shares = flags.shares ?? 1;
  return {
    dimension,
    l2Sensitivity,
    // For integers |v| <= v^2, so that the L1 norm is at most the square of the L2 norm.
    l1Sensitivity: flags.l1 ?? l2 * Math.min(Math.sqrt(dimension), l2) * factor,
    variance: totalVariance(flags, clip, shares),
    shares,
  };
}

function boundOf(
  { l2, clipNorm, scale, beta, mechanism }: EventFlags,
  dimension: number,
): { l2: number; clip: number } {
  if (l2 !== undefined) {
    if (clipNorm !== undefined || scale !== undefined) {
      throw conflicting('--l2', 'is the bound in grid steps already; leave out --clip-norm and --scale.');
    }
    return { l2, clip: l2 };
  }
  if (clipNorm === undefined || scale === undefined) {
    return missing(
      '--l2',
      `for ${mechanism}: the L2 sensitivity in grid steps, or --clip-norm and --scale together`,
    );
  }
  const clip = clipNorm * scale;
  return { l2: roundedBound(clip, dimension, beta ?? Math.exp(-0.5)), clip };
}

/**
 * L2 bound after conditional rounding, in grid steps (Kairouz, Liu, Steinke 2021, arXiv 2102.06387, theorem 1, equation 2).
 *
 * @param clip - clip norm in grid steps
 * @param beta - probability with which a draw of the rounding may be rejected; 0 for unconditional rounding
 */
export function roundedBound(clip: number, dimension: number, beta: number): number {
  const always = clip + Math.sqrt(dimension);
  if (beta === 0) return always;
  const tail = Math.sqrt(-2 * Math.log(beta)) * (clip + Math.sqrt(dimension) / 2);
  return Math.min(always, Math.sqrt(clip ** 2 + dimension / 4 + tail));
}

function totalVariance(flags: EventFlags, clip: number, shares: number): number {
  const given = [
    ['--variance', flags.variance],
    ['--local-variance', flags.localVariance && flags.localVariance * shares],
    ['--local-deviation', flags.localDeviation && flags.localDeviation ** 2 * shares],
    [
      '--noise-multiplier',
      flags.noiseMultiplier === undefined ? undefined : (flags.noiseMultiplier * clip) ** 2,
    ],
  ].filter((entry): entry is [string, number] => entry[1] !== undefined);
  const [first, second] = given;
  if (first === undefined) {
    return missing(
      '--noise-multiplier',
      'or one of --variance, --local-variance and --local-deviation: the noise',
    );
  }
  if (second !== undefined)
    throw conflicting(first[0], `and ${second[0]} both state the noise; leave one of them out.`);
  return first[1];
}
