import { composedCumulant, cumulantOf, type Part } from './cumulant.js';
import { connectTheDots, type LossRange } from './discretise.js';
import type { DominatingPair } from './dominating-pair.js';
import { cyclicPower } from './fourier.js';
import { lossesOf, type Plan } from './plan.js';

/** `count` uses of one pair, with the losses that matter. */
export interface Segment {
  readonly pair: DominatingPair;
  readonly count: number;
  readonly range: LossRange;
}

/** A composed privacy loss distribution on equidistant losses; what lies above them counts as infinite. */
export interface ComposedLoss {
  /** The lowest loss. */
  readonly lowest: number;
  readonly step: number;
  readonly masses: Float64Array;
  readonly infinite: number;
}

/** A per-step distribution never has more points than this. */
const MOST_POINTS = 2 ** 21;

/**
 * Composes the segments on a window of `size` losses by an exponentially tilted transform. A plain transform has an absolute
 * error near 1e-16, in which the tail below delta = 1e-10 drowns; tilted, the losses of interest carry most of the mass, so
 * that the error is relative to them.
 *
 * @param size - a power of two
 */
export function compose(segments: readonly Segment[], plan: Plan, size: number): ComposedLoss {
  const margin = gridMargin(segments, size);
  const step = segments.reduce(
    (widest, { range }) => Math.max(widest, (range.highest - range.lowest) / (MOST_POINTS - 2)),
    (plan.highest - plan.lowest) / (size - 2 * margin - 2),
  );
  const parts = segments.map(({ pair, count, range }) => ({ count, loss: onGrid(pair, range, step) }));

  const cumulants = parts.map(({ loss }) => cumulantOf(loss, plan.tilt).value);
  const summands = parts.map(({ loss, count }, index) => ({
    count,
    masses: wrapped(loss.losses, loss.masses, {
      step,
      size,
      tilt: plan.tilt,
      cumulant: cumulants[index] ?? 0,
    }),
  }));
  const sums = cyclicPower(size, summands);

  const cumulant = parts.reduce((sum, { count }, index) => sum + count * (cumulants[index] ?? 0), 0);
  const lowestIndex = Math.floor(plan.lowest / step) - margin;
  const masses = new Float64Array(size);
  for (let k = 0; k < size; k += 1) {
    const index = lowestIndex + k;
    const tilted = Math.max(0, sums[modulo(index, size)] ?? 0);
    masses[k] = tilted === 0 ? 0 : tilted * Math.exp(cumulant - plan.tilt * index * step);
  }
  return {
    lowest: lowestIndex * step,
    step,
    masses,
    infinite: infiniteMass(parts, plan, (lowestIndex + size - 1) * step),
  };
}

/**
 * Points to spare at both ends of the window: a grid moves each loss by less than a step, and the sum of `count` such moves
 * exceeds sqrt(count ln(1e10) / 2) steps with a probability below 1e-10 (Hoeffding).
 */
export function gridMargin(segments: readonly { readonly count: number }[], size: number): number {
  const moves = segments.reduce((sum, { count }) => sum + count, 0);
  return Math.min(Math.ceil(Math.sqrt((moves * Math.log(1e10)) / 2)), size / 4);
}

/** An infinite loss in any step, or a sum above the window. */
function infiniteMass(parts: readonly Part[], plan: Plan, highest: number): number {
  const logFinite = parts.reduce(
    (sum, { loss, count }) => sum + count * Math.log1p(-Math.min(1, loss.infinite)),
    0,
  );
  const [, most] = lossesOf(parts);
  const above = most <= highest ? 0 : Math.exp(logTailAbove(parts, plan, highest));
  return Math.min(1, -Math.expm1(logFinite) + above);
}

/** ln of the share of delta that the mass above the window may have before a better bound on it is looked for. */
const LOG_NEGLIGIBLE = Math.log(1e-6);

/** ln of a Chernoff bound on the probability of a sum above `loss`. On a coarse grid the tilt of the plan may be too large. */
function logTailAbove(parts: readonly Part[], { tilt, tailTilt, logDelta }: Plan, loss: number): number {
  let best = 0;
  for (let share = 1; share > 1e-3 && best > logDelta + LOG_NEGLIGIBLE; share /= 2) {
    const further = tilt + share * (tailTilt - tilt);
    best = Math.min(best, composedCumulant(parts, further).value - further * loss);
  }
  return best;
}

function onGrid(pair: DominatingPair, { lowest, highest }: LossRange, step: number) {
  const first = Math.floor(lowest / step);
  const last = Math.max(first + 1, Math.ceil(highest / step));
  return connectTheDots(
    pair,
    Float64Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step),
  );
}

/** Tilted masses, added up where their grid index agrees modulo the size of the transform. */
function wrapped(
  losses: Float64Array,
  masses: Float64Array,
  { step, size, tilt, cumulant }: { step: number; size: number; tilt: number; cumulant: number },
): Float64Array {
  const result = new Float64Array(size);
  const first = Math.round((losses[0] ?? 0) / step);
  for (let k = 0; k < losses.length; k += 1) {
    const mass = masses[k] ?? 0;
    if (mass === 0) continue;
    const at = modulo(first + k, size);
    result[at] = (result[at] ?? 0) + mass * Math.exp(tilt * (losses[k] ?? 0) - cumulant);
  }
  return result;
}

function modulo(index: number, size: number): number {
  return ((index % size) + size) % size;
}

/** The least epsilon >= 0 at which a composed loss is (epsilon, delta)-private; infinite when its infinite mass is above delta. */
export function readEpsilon({ lowest, step, masses, infinite }: ComposedLoss, delta: number): number {
  if (infinite > delta) return Infinity;
  // delta(e) = above - below e^e', with e' relative to the loss last passed.
  let above = infinite;
  let below = 0;
  const decay = Math.exp(-step);
  for (let k = masses.length - 1; k >= 0; k -= 1) {
    const loss = lowest + k * step;
    const atLoss = above - below * decay;
    if (atLoss > delta) return Math.max(0, loss + step + Math.log((above - delta) / below));
    if (loss <= 0) return 0;
    const mass = masses[k] ?? 0;
    above += mass;
    below = below * decay + mass;
  }
  return Math.max(0, lowest);
}

/** delta at `epsilon` of a composed loss. */
export function readDelta({ lowest, step, masses, infinite }: ComposedLoss, epsilon: number): number {
  let delta = infinite;
  for (let k = masses.length - 1; k >= 0; k -= 1) {
    const loss = lowest + k * step;
    if (loss <= epsilon) break;
    delta += (masses[k] ?? 0) * -Math.expm1(epsilon - loss);
  }
  return Math.min(1, delta);
}
