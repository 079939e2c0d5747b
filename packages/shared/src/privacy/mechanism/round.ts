import type { RandomSource } from '../../crypto/random.js';
import { Refusal } from '../../errors.js';
import type { EncodingPlan } from './plan.js';
import { RandomWords } from './random-words.js';

type Bounds = Pick<EncodingPlan, 'scale' | 'peak' | 'updateBoundSquared'>;

/** At acceptance probability 1 - exp(-1/2) or better a try, all of these fail once in 10^11. */
const TRIES = 50;
/** What the vector is multiplied by when they did. */
const SHRINKAGE = 0.99;
/** A plan's own bound is kept long before; beyond this the bound cannot be the plan's. */
const MOST_SHRINKAGES = 20;

/** Squared L2 norm of whole numbers; exact while it is below 2^53, as every permitted bound is. */
export function squaredNorm(integers: Float64Array): number {
  let sum = 0;
  for (const integer of integers) sum += integer * integer;
  return sum;
}

/** One stochastic rounding of `scale * values`, each clamped to the peak: unbiased but for 2^-32 of a step. */
function roundOnce(
  bounds: Bounds,
  values: Float64Array,
  factor: number,
  words: RandomWords,
  into: Float64Array,
): void {
  const scale = bounds.scale * factor;
  for (let index = 0; index < values.length; index++) {
    const scaled = Math.max(-bounds.peak, Math.min(bounds.peak, (values[index] as number) * scale));
    const below = Math.floor(scaled);
    into[index] = words.next() < (scaled - below) * 0x1_0000_0000 ? below + 1 : below;
  }
}

/**
 * The client's own check that its rounded vector keeps the bounds that the privacy proof and the absence of overflow rest on.
 * @throws {Refusal} `privacy.norm-exceeded` where it does not
 */
export function checkRounded(bounds: Bounds, integers: Float64Array): void {
  const broken =
    !(squaredNorm(integers) <= bounds.updateBoundSquared) ||
    integers.some((integer) => !Number.isInteger(integer) || Math.abs(integer) > bounds.peak);
  if (broken) {
    throw new Refusal(
      'privacy.norm-exceeded',
      'The rounded update exceeds the bound that the privacy proof rests on. Nothing was sent.',
      'Report this: the plan and the encoder disagree.',
    );
  }
}

/**
 * Stochastic rounding by a dither that is drawn before the values are looked at, once: of two vectors with the same dither, the rounded ones differ by less than one a coordinate
 * beyond what they differed by before. Rounding again for the sake of a norm, as {@link roundWithinBound} does, would depend on the whole vector, and bound nothing for one term of a sum.
 * @param values - clipped and rotated, real
 * @returns whole numbers, integer domain
 * @throws {Refusal} `privacy.norm-exceeded` where the plan and the encoder disagree
 */
export function roundDithered(bounds: Bounds, values: Float64Array, random: RandomSource): Float64Array {
  const words = new RandomWords(random, values.length);
  const rounded = new Float64Array(values.length);
  roundOnce(bounds, values, 1, words, rounded);
  words.wipe();
  checkRounded(bounds, rounded);
  return rounded;
}

/**
 * Conditional stochastic rounding (Kairouz, Liu, Steinke 2021, Theorem 1): rounds again until the squared norm is within the bound;
 * after 50 failures the vector is shrunk by 1% and it starts over. The result is checked once more.
 * @param values - clipped and rotated, real
 * @returns whole numbers, integer domain
 * @throws {Refusal} `privacy.norm-exceeded` where no rounding keeps the bound
 */
export function roundWithinBound(bounds: Bounds, values: Float64Array, random: RandomSource): Float64Array {
  const words = new RandomWords(random, values.length);
  const rounded = new Float64Array(values.length);
  let factor = 1;
  for (let attempt = 1; attempt <= TRIES * MOST_SHRINKAGES; attempt++) {
    roundOnce(bounds, values, factor, words, rounded);
    if (squaredNorm(rounded) <= bounds.updateBoundSquared) break;
    if (attempt % TRIES === 0) factor *= SHRINKAGE;
  }
  words.wipe();
  checkRounded(bounds, rounded);
  return rounded;
}
