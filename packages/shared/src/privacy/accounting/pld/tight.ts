import { compose, readDelta, readEpsilon, type ComposedLoss, type Segment } from './compose.js';
import { cumulantOf, type Part } from './cumulant.js';
import { connectTheDots, fallsTo, lossRange, type LossRange } from './discretise.js';
import type { DominatingPair } from './dominating-pair.js';
import { lossesOf, planForDelta, planForEpsilon, type Plan } from './plan.js';

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
/** How far below its Chernoff bound a delta is taken to lie, generously. */
const LOG_BELOW_BOUND = Math.log(1e-3);
/** Deltas near this are not resolved any more. */
const LEAST_CUT = 1e-50;
const LOWER_TAIL = 1e-20;
/** What of the tilted mass may be moved up to the lowest loss that is kept. */
const MOVED_SHARE = 1e-12;

/**
 * epsilon at `delta` > 0 of a composition in one direction: an upper bound, above the truth by about a ten-thousandth.
 *
 * @param enough - an answer below this is not refined further: another direction has shown it already
 */
export function composedEpsilon(uses: readonly Uses[], delta: number, enough = 0): number {
  const rough = approximate(uses, CUT_SHARE * delta);
  return refine(rough, planForDelta(rough, delta), enough, (loss) => readEpsilon(loss, delta));
}

/** delta at `epsilon` of a composition in one direction: an upper bound. */
export function composedDelta(uses: readonly Uses[], epsilon: number, enough = 0): number {
  const wide = approximate(uses, LEAST_CUT);
  const [, most] = lossesOf(wide);
  if (epsilon >= most) return LEAST_CUT;
  const { logDelta } = planForEpsilon(wide, epsilon);
  const rough = approximate(uses, Math.max(LEAST_CUT, CUT_SHARE * Math.exp(logDelta + LOG_BELOW_BOUND)));
  return refine(rough, planForEpsilon(rough, epsilon), enough, (loss) => readDelta(loss, epsilon));
}

/** Repeats a reading on finer and finer grids until it settles. Each is an upper bound, so the least is returned. */
function refine(
  parts: readonly RoughPart[],
  plan: Plan,
  enough: number,
  read: (loss: ComposedLoss) => number,
): number {
  const segments = parts.map((part) => segmentOf(part, plan));
  const narrowest = Math.min(...parts.map(({ loss }) => Math.sqrt(cumulantOf(loss, 0).variance)));
  let size = LEAST_SIZE;
  while (size < MOST_SIZE && (plan.highest - plan.lowest) / size > 2 * narrowest) size *= 2;
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

/** The losses that matter under the tilt. What lies lower is moved up, which errs on the safe side. */
function segmentOf({ pair, count, loss: { losses, masses } }: RoughPart, { tilt }: Plan): Segment {
  const spare = cumulantOf({ losses, masses, infinite: 0 }, tilt).value + Math.log(MOVED_SHARE / count);
  let first = 0;
  let below = 0;
  for (let i = 0; (losses[i] ?? 0) < 0; i += 1) {
    below += masses[i] ?? 0;
    if (Math.log(below) + tilt * (losses[i] ?? 0) > spare) break;
    first = i;
  }
  return { pair, count, range: { lowest: losses[first] ?? 0, highest: losses[losses.length - 1] ?? 0 } };
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
