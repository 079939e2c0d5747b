import { compose, gridMargin, readDelta, readEpsilon, type ComposedLoss } from './compose.js';
import { cumulantOf, type Part } from './cumulant.js';
import { connectTheDots, fallsTo, lossRange, type LossRange } from './discretise.js';
import type { DominatingPair } from './dominating-pair.js';
import { betterTilt, lossesOf, planAt, tiltForDelta, tiltForEpsilon, type Tilt } from './plan.js';

/** `count` uses of one pair in one direction. */
export interface Uses {
  readonly pair: DominatingPair;
  readonly count: number;
}

const LEAST_SIZE = 2 ** 13;
/** Larger transforms take seconds and a gigabyte. */
const MOST_SIZE = 2 ** 21;
/** The grid is refined fourfold until the answer moves by less than this; the error is a fifteenth of the last move. */
const RELATIVE_ACCURACY = 3e-4;
/** What of delta may be lost to cutting off the largest losses of single steps. */
const CUT_SHARE = 1e-5;
/** Deltas near this are not resolved any more. */
const LEAST_CUT = 1e-50;
const LOWER_TAIL = 1e-20;
/** What of the tilted mass of a composition may be moved up to the lowest loss that is kept. */
const MOVED_SHARE = 1e-7;

/**
 * epsilon at `delta` > 0 of a composition in one direction: an upper bound, above the truth by about a ten-thousandth.
 *
 * @param enough - an answer below this is not refined further: another direction has shown it already
 */
export function composedEpsilon(uses: readonly Uses[], delta: number, enough = 0): number {
  // The probabilities of telling single uses apart add up to a bound on telling the composition apart.
  if (uses.reduce((sum, { pair, count }) => sum + count * pair.above(0), 0) <= delta) return 0;
  const rough = approximate(uses, CUT_SHARE * delta);
  const read = (loss: ComposedLoss): number => readEpsilon(loss, delta);
  const tilt = tiltForDelta(rough, delta);
  const epsilon = refine(rough, tilt, enough, read);
  if (epsilon <= enough || epsilon === Infinity) return epsilon;
  const better = betterTilt(rough, tilt, { epsilon, delta });
  return better ? Math.min(epsilon, refine(rough, better, enough, read)) : epsilon;
}

/** delta at `epsilon` of a composition in one direction: an upper bound. */
export function composedDelta(uses: readonly Uses[], epsilon: number, enough = 0): number {
  let shown = 1;
  const { logDelta } = tiltForEpsilon(approximate(uses, LEAST_CUT), epsilon);
  // The cut counts into delta. It has to be small beside a delta that only the answer tells.
  for (
    let cut = Math.max(LEAST_CUT, CUT_SHARE * Math.exp(logDelta));
    shown > enough;
    cut = Math.max(LEAST_CUT, CUT_SHARE * shown)
  ) {
    const rough = approximate(uses, cut);
    const [, most] = lossesOf(rough);
    // Above the largest finite loss there is only what was cut off.
    shown = Math.min(shown, epsilon >= most ? cut : deltaWith(rough, epsilon, enough));
    if (cut <= LEAST_CUT || cut <= 2 * CUT_SHARE * shown) return shown;
  }
  return shown;
}

function deltaWith(rough: readonly RoughPart[], epsilon: number, enough: number): number {
  const read = (loss: ComposedLoss): number => readDelta(loss, epsilon);
  const tilt = tiltForEpsilon(rough, epsilon);
  const delta = refine(rough, tilt, enough, read);
  const better = betterTilt(rough, tilt, { epsilon, delta });
  return better ? Math.min(delta, refine(rough, better, enough, read)) : delta;
}

/** Repeats a reading on finer and finer grids until it settles. Each is an upper bound, so the least is returned. */
function refine(
  rough: readonly RoughPart[],
  tilt: Tilt,
  enough: number,
  read: (loss: ComposedLoss) => number,
): number {
  const parts = rough.map((part) => trimmed(part, tilt.tilt));
  const plan = planAt(parts, tilt);
  const segments = parts.map(({ pair, count, loss: { losses } }) => ({
    pair,
    count,
    range: { lowest: losses[0] ?? 0, highest: losses[losses.length - 1] ?? 0 },
  }));
  const narrowest = Math.min(...parts.map(({ loss }) => Math.sqrt(cumulantOf(loss, 0).variance)));
  const tooCoarse = (points: number): boolean =>
    (plan.highest - plan.lowest) / points > 2 * narrowest || 8 * gridMargin(segments, Infinity) > points;
  let size = LEAST_SIZE;
  while (size < MOST_SIZE && tooCoarse(size)) size *= 2;
  let best = read(compose(segments, plan, size));
  while (size < MOST_SIZE && best > enough) {
    size = Math.min(MOST_SIZE, 4 * size);
    const finer = read(compose(segments, plan, size));
    const settled = best - finer <= RELATIVE_ACCURACY * finer;
    best = Math.min(best, finer);
    if (settled && Number.isFinite(best)) break;
  }
  return best;
}

/** A pair's losses far too coarse to answer with, and good to plan with. */
interface RoughPart extends Part {
  readonly pair: DominatingPair;
}

function approximate(uses: readonly Uses[], cut: number): RoughPart[] {
  const total = uses.reduce((sum, { count }) => sum + count, 0);
  return uses.map(({ pair, count }) => {
    const range = lossRange(pair, cut / total, LOWER_TAIL);
    return { pair, count, loss: connectTheDots(pair, unevenLosses(pair, range)) };
  });
}

/** Moves up what lies so low that the tilt leaves next to nothing of it. This errs on the safe side. */
function trimmed(part: RoughPart, tilt: number): RoughPart {
  const { losses, masses, infinite } = part.loss;
  const spare = cumulantOf(part.loss, tilt).value + Math.log(MOVED_SHARE / part.count);
  let first = 0;
  let below = 0;
  for (let i = 0; (losses[i] ?? 0) < 0; i += 1) {
    if (Math.log(below + (masses[i] ?? 0)) + tilt * (losses[i + 1] ?? 0) > spare) break;
    below += masses[i] ?? 0;
    first = i + 1;
  }
  const kept = masses.slice(first);
  kept[0] = (kept[0] ?? 0) + below;
  return { ...part, loss: { losses: losses.slice(first), masses: kept, infinite } };
}

const POINTS_PER_SIDE = 768;

/** Losses close together where the mass is and far apart in the tails, for planning: zero, and a hyperbolic sine to each side. */
function unevenLosses(pair: DominatingPair, { lowest, highest }: LossRange): Float64Array {
  const scale = Math.max(fallsTo(pair.above, pair.above(0) / 3), 1e-300);
  const side = (end: number): number[] => {
    if (end === 0) return [];
    const reach = Math.asinh(end / scale);
    return Array.from(
      { length: POINTS_PER_SIDE },
      (_, k) => scale * Math.sinh((reach * (k + 1)) / POINTS_PER_SIDE),
    );
  };
  const negative = side(-lowest).reverse();
  return Float64Array.from([...negative.map((loss) => -loss), 0, ...side(highest)]);
}
