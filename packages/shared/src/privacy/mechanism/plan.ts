import { Refusal } from '../../errors.js';
import {
  deviationsFor,
  ditheredNormSquared,
  FAILURE_PROBABILITY,
  integerL1Bound,
  roundedNormSquared,
  stated,
  wrapProbability,
} from './bounds.js';
import { LARGEST_TABLE_DEVIATION } from './noise-table.js';
import type { NoiseLaw } from './noise.js';
import { blockLengthOf } from './rotate.js';

/** Width of one residue: sums are taken modulo 2^laneBits. */
export type LaneBits = 8 | 16 | 32;

/** The coordinate after the update's, that carries whether the update was within the clip norm (see adaptive-clip.ts). */
export interface ClipBit {
  /** The bit is sent as + or - this. Integer domain. */
  readonly amplitude: number;
  /** Deviation of the guaranteed noise on the summed bits, each counted as + or - 1/2. */
  readonly deviation: number;
}

/**
 * How updates become residues, for everybody in a round: plain JSON, public, bound into the round's parameters. "Integer domain"
 * means after scaling and rounding; real = integer / scale.
 */
export interface EncodingPlan {
  /** Length of an update. */
  readonly dimension: number;
  /** Length of an encoded vector: the dimension, and one more where a clip bit is packed. The rotation pads nothing. */
  readonly paddedDimension: number;
  /** Length of the Hadamard blocks, a power of two. */
  readonly blockLength: number;
  /** L2 bound of an update, real. */
  readonly clipNorm: number;
  /**
   * Where an update is itself a sum, of which each term is a unit: how far one of them can move it, L2, real. Then rounding is dithered, and what is protected is a term.
   */
  readonly unitNorm?: number;
  readonly scale: number;
  readonly laneBits: LaneBits;
  /** `none`: what is encoded is private already, and its sum is protected by nothing else. */
  readonly noiseLaw: NoiseLaw | 'none';
  /** Largest magnitude of one client's coordinate before noise, integer domain: a hard bound. */
  readonly peak: number;
  /** Squared L2 bound of the update's rounded coordinates, integer domain: a whole number, checked by the client. */
  readonly updateBoundSquared: number;
  /** Squared L2 bound, before noise, of what a unit can make of the encoded vector, clip bit included. A whole number. */
  readonly l2BoundSquared: number;
  /** Its root: the L2 sensitivity in the integer domain. */
  readonly l2Bound: number;
  /** The L1 sensitivity in the integer domain. */
  readonly l1Bound: number;
  /** Variance V that the honest clients' noise has at the least, integer domain, whole: at least (noiseMultiplier * l2Bound)^2. */
  readonly noiseVariance: number;
  /** As asked for. What is accounted for is `sqrt(noiseVariance) / l2Bound`, never less. */
  readonly noiseMultiplier: number;
  /** Millionths of the sharers that are honest and in the sum, at the least. */
  readonly honestPpm: number;
  readonly honestFraction: number;
  readonly maximumCohort: number;
  readonly minimumSharers: number;
  readonly clipBit?: ClipBit;
  /** The sensitivity after rounding over that before: what rounding costs in noise. */
  readonly roundingInflation: number;
  /** Upper bound on the probability that noise wraps any coordinate of a round's sum of honest clients. */
  readonly wrapProbability: number;
  /** Upper bound on the probability, over the rotation seed, that the hard bound `peak` changes any coordinate in a round. */
  readonly clampProbability: number;
}

export interface EncodingOptions {
  readonly dimension: number;
  readonly clipNorm: number;
  /** Of a sum of units: L2 distance that one of them can move it by, arithmetic included. Default: an update is one unit. */
  readonly unitNorm?: number;
  /** Deviation of the guaranteed noise over the L2 sensitivity. */
  readonly noiseMultiplier: number;
  readonly maximumCohort: number;
  readonly minimumSharers: number;
  /** Of the clients that shared keys, the fraction whose input must be in the sum. */
  readonly survivorFraction: number;
  /** Of the clients that shared keys, the fraction assumed to collude with the coordinator. */
  readonly corruptFraction: number;
  /** Chosen by the plan where absent; asked for, rounding may cost more than 1%. */
  readonly laneBits?: LaneBits;
  /** Default: the distributed discrete Gaussian. `none`, with a noise multiplier of 0, for what is private already. */
  readonly noiseLaw?: NoiseLaw | 'none';
  /** Packs a clip bit, with noise of this deviation on the summed bits. */
  readonly clipBitDeviation?: number;
}

const LANE_BITS = [8, 16, 32] as const;
/** A lane width is wide enough where rounding costs less than this... */
const TOLERATED_INFLATION = 1.01;
/** ...and where it costs less than this, a larger scale would buy nothing but slower noise. */
const AMPLE_INFLATION = 1.001;
/** Sums of discrete Gaussians of this local deviation cannot be told from one discrete Gaussian (tau = 3e-38). */
const SMALLEST_LOCAL_VARIANCE = 9;
/** A clip norm of fewer grid steps than this drowns in rounding. */
const SMALLEST_SCALED_CLIP = 10;
/** What clipping, rotating and scaling in 64-bit floats may move an update by, over its clip norm, taken generously. */
const ROTATION_ERROR = 2 ** -40;
const MILLION = 1_000_000;

type Layout = Omit<EncodingPlan, 'laneBits' | 'wrapProbability'>;

/**
 * Chooses lane width and scale for a cohort, a clip norm and a noise multiplier.
 *
 * The scale is the largest for which `maximumCohort * peak` and the largest noise that a round can hold (every sharer honest and
 * surviving) stay inside the signed lane but with probability 2^-40 a round; but no larger than keeps every local deviation within
 * the noise tables, once rounding costs under 0.1%. The lane width is the smallest at which rounding costs under 1%.
 *
 * @throws {Refusal} `privacy.plan-input` where an option is out of range, `privacy.overflow` where bounded inputs could overflow every
 * permitted lane width, `privacy.local-deviation` where a client's share of the noise would have a deviation under 3,
 * `privacy.clip-bit` where the clip bit's noise is too small for the noise multiplier
 */
export function planEncoding(options: EncodingOptions): EncodingPlan {
  checkOptions(options);
  const permitted = options.laneBits === undefined ? LANE_BITS : [options.laneBits];
  let obstacle: Refusal | undefined;
  for (const laneBits of permitted) {
    const largest = largestScale(options, laneBits);
    const layout = largest === undefined ? undefined : layoutAt(options, largest);
    obstacle = layout === undefined ? overflow(options) : obstacleOf(options, layout);
    if (layout !== undefined && obstacle === undefined) {
      return finish(options, layoutAt(options, tableScale(options, layout.scale)), laneBits);
    }
  }
  throw obstacle ?? overflow(options);
}

/** The least variance that the honest clients' noise has, over one client's share: `sharers * honestFraction`, real. */
export function honestShares(plan: Pick<EncodingPlan, 'honestPpm'>, sharers: number): number {
  return (sharers * plan.honestPpm) / MILLION;
}

function checkOptions(options: EncodingOptions): void {
  const {
    dimension,
    clipNorm,
    unitNorm,
    noiseMultiplier,
    maximumCohort,
    minimumSharers,
    survivorFraction,
    corruptFraction,
    noiseLaw,
    clipBitDeviation,
  } = options;
  const within = (value: number, least: number, most: number) => value >= least && value <= most;
  const whole = (value: number, least: number, most: number) =>
    Number.isInteger(value) && within(value, least, most);
  const rules: readonly (readonly [boolean, string])[] = [
    [whole(dimension, 1, 2 ** 31), 'dimension must be a whole number, 1 to 2^31'],
    [within(clipNorm, 1e-9, 1e9), 'clipNorm must be 1e-9 to 1e9'],
    [
      unitNorm === undefined || (within(unitNorm, 1e-12, clipNorm) && clipBitDeviation === undefined),
      'unitNorm must be 1e-12 to clipNorm, and goes without a clip bit',
    ],
    [
      noiseLaw === 'none' ? noiseMultiplier === 0 : within(noiseMultiplier, 1e-6, 1e6),
      noiseLaw === 'none' ? 'noiseMultiplier must be 0 without noise' : 'noiseMultiplier must be 1e-6 to 1e6',
    ],
    [whole(maximumCohort, 1, MILLION), 'maximumCohort must be a whole number, 1 to 1,000,000'],
    [whole(minimumSharers, 1, maximumCohort), 'minimumSharers must be a whole number, 1 to maximumCohort'],
    [within(survivorFraction, 0, 1), 'survivorFraction must be 0 to 1'],
    [within(corruptFraction, 0, 1), 'corruptFraction must be 0 to 1'],
    [
      honestPpmOf(options) * minimumSharers >= MILLION,
      'survivorFraction - corruptFraction must leave at least one honest client of minimumSharers',
    ],
  ];
  const broken = rules.find(([kept]) => !kept);
  if (broken === undefined) return;
  throw new Refusal('privacy.plan-input', `${broken[1]}.`, 'Correct the job’s privacy or cohort settings.');
}

function honestPpmOf({ survivorFraction, corruptFraction }: EncodingOptions): number {
  return Math.round(survivorFraction * MILLION) - Math.round(corruptFraction * MILLION);
}

/** Everything that follows from a scale, but the lane. */
function layoutAt(options: EncodingOptions, scale: number): Layout {
  const {
    dimension,
    clipNorm,
    unitNorm,
    noiseMultiplier,
    maximumCohort,
    minimumSharers,
    noiseLaw = 'discrete-gaussian',
  } = options;
  const blockLength = blockLengthOf(dimension);
  const scaledClip = scale * clipNorm;
  const updateBoundSquared = (unitNorm === undefined ? roundedNormSquared : ditheredNormSquared)(
    scaledClip,
    dimension,
  );
  const flat = deviationsFor(dimension * maximumCohort) / Math.sqrt(blockLength);
  const updatePeak = Math.min(
    Math.floor(Math.sqrt(updateBoundSquared)),
    Math.ceil(scaledClip * Math.min(1, flat)),
  );
  const clipBit = clipBitFor(options, Math.sqrt(updateBoundSquared));
  const amplitude = clipBit?.amplitude ?? 0;
  const l2BoundSquared =
    unitNorm === undefined
      ? updateBoundSquared + amplitude ** 2
      : ditheredNormSquared(scale * (unitNorm + clipNorm * ROTATION_ERROR), dimension);
  const l2Bound = Math.sqrt(l2BoundSquared);
  const honestPpm = honestPpmOf(options);
  return {
    dimension,
    paddedDimension: dimension + (clipBit === undefined ? 0 : 1),
    blockLength,
    clipNorm,
    ...(unitNorm !== undefined && { unitNorm }),
    scale,
    noiseLaw,
    peak: Math.max(updatePeak, amplitude),
    updateBoundSquared,
    l2BoundSquared,
    l2Bound,
    l1Bound:
      integerL1Bound(unitNorm === undefined ? Math.sqrt(updateBoundSquared) : l2Bound, dimension) + amplitude,
    // The margin covers the rounding of the product, so that the booked multiplier is never below the one asked for.
    noiseVariance: Math.ceil(noiseMultiplier ** 2 * l2BoundSquared * (1 + 2 ** -50)),
    noiseMultiplier,
    honestPpm,
    honestFraction: honestPpm / MILLION,
    maximumCohort,
    minimumSharers,
    ...(clipBit === undefined ? {} : { clipBit }),
    roundingInflation:
      unitNorm === undefined ? Math.sqrt(updateBoundSquared) / scaledClip : l2Bound / (scale * unitNorm),
    clampProbability: flat < 1 ? stated(FAILURE_PROBABILITY) : 0,
  };
}

/** Andrew et al. 2021, Theorem 1: with amplitude `C r / sqrt(1 - r^2)`, r = z / (2 deviation), one noise serves both. */
function clipBitFor(
  { noiseMultiplier, clipBitDeviation }: EncodingOptions,
  updateBound: number,
): ClipBit | undefined {
  if (clipBitDeviation === undefined) return undefined;
  const ratio = noiseMultiplier / (2 * clipBitDeviation);
  if (!(ratio > 0 && ratio < 1)) {
    throw new Refusal(
      'privacy.clip-bit',
      `Noise of deviation ${clipBitDeviation} on the clip bits cannot be had at noise multiplier ${noiseMultiplier}: it must be above half of it.`,
      'Raise the deviation of the clip bits’ noise; a twentieth of the cohort is usual.',
    );
  }
  const amplitude = Math.max(1, Math.round((updateBound * ratio) / Math.sqrt(1 - ratio ** 2)));
  const jointBound = Math.hypot(updateBound, amplitude);
  return { amplitude, deviation: (noiseMultiplier * jointBound) / (2 * amplitude) };
}

/** Variance of the largest noise that a sum can hold: all sharers survive and all are honest. */
const largestVariance = (layout: Layout) => (layout.noiseVariance * MILLION) / layout.honestPpm;

function wrapAt(layout: Layout, laneBits: LaneBits): number {
  const headroom = 2 ** (laneBits - 1) - 1 - layout.maximumCohort * layout.peak;
  return wrapProbability(layout.noiseLaw, headroom, largestVariance(layout), layout.paddedDimension);
}

function fits(options: EncodingOptions, scale: number, laneBits: LaneBits): boolean {
  const layout = layoutAt(options, scale);
  const exact = layout.l2BoundSquared < 2 ** 52 && layout.noiseVariance < 2 ** 52;
  return exact && wrapAt(layout, laneBits) <= FAILURE_PROBABILITY;
}

function largestScale(options: EncodingOptions, laneBits: LaneBits): number | undefined {
  const scale = bisect((candidate) => fits(options, candidate, laneBits), 2 ** laneBits / options.clipNorm);
  return scale > 0 && fits(options, scale, laneBits) ? scale : undefined;
}

/** The scale, or less where the noise tables end and rounding is already ample. */
function tableScale(options: EncodingOptions, largest: number): number {
  const withinTables = (scale: number) => {
    const layout = layoutAt(options, scale);
    const smallestShare = honestShares(layout, options.minimumSharers);
    return layout.noiseVariance / smallestShare <= LARGEST_TABLE_DEVIATION ** 2;
  };
  if (withinTables(largest)) return largest;
  const coarse = (scale: number) => layoutAt(options, scale).roundingInflation > AMPLE_INFLATION;
  return Math.min(largest, Math.max(bisect(withinTables, largest), bisect(coarse, largest)));
}

/** The largest scale below `upper` that passes, to 20 significant bits: later bits may differ between engines' logarithms. */
function bisect(passes: (scale: number) => boolean, upper: number): number {
  let low = 0;
  let high = upper;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (passes(middle)) low = middle;
    else high = middle;
  }
  if (low === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(low)) - 20);
  return Math.floor(low / unit) * unit;
}

function obstacleOf(options: EncodingOptions, layout: Layout): Refusal | undefined {
  const smallestVariance = layout.noiseVariance / honestShares(layout, options.maximumCohort);
  if (layout.noiseLaw !== 'none' && smallestVariance < SMALLEST_LOCAL_VARIANCE) {
    return new Refusal(
      'privacy.local-deviation',
      `A client’s share of the noise would have deviation ${Math.sqrt(smallestVariance).toFixed(2)} on the integer grid; at least 3 is needed.`,
      'Permit wider lanes, lower the maximum cohort, or raise the noise multiplier.',
    );
  }
  const tooCoarse = options.laneBits === undefined && layout.roundingInflation >= TOLERATED_INFLATION;
  const smallest = layout.scale * (options.unitNorm ?? options.clipNorm);
  return tooCoarse || smallest < SMALLEST_SCALED_CLIP ? overflow(options) : undefined;
}

function overflow({ laneBits, maximumCohort, dimension }: EncodingOptions): Refusal {
  return new Refusal(
    'privacy.overflow',
    `Lanes of ${laneBits ?? 32} bits cannot hold ${maximumCohort} updates of dimension ${dimension} and their noise without overflow at a useful resolution.`,
    'Permit wider lanes, lower the maximum cohort, or lower the noise multiplier.',
  );
}

function finish(options: EncodingOptions, layout: Layout, laneBits: LaneBits): EncodingPlan {
  const probability = wrapAt(layout, laneBits);
  if (probability > FAILURE_PROBABILITY) throw overflow(options);
  return { ...layout, laneBits, wrapProbability: stated(probability) };
}
