import { compose, readDelta, readEpsilon, type ComposedLoss, type Segment } from './compose.js';
import { composedCumulant, cumulantOf, type Part } from './cumulant.js';
import { connectTheDots, fallsTo, lossRange, type LossRange } from './discretise.js';
import type { DominatingPair } from './dominating-pair.js';
import { planForDelta, planForEpsilon, type Plan } from './plan.js';

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
const CUT_SHARE = 1e-6;
const LOWER_TAIL = 1e-20;

/**
 * epsilon at `delta` > 0 of a composition in one direction: an upper bound, above the truth by about a ten-thousandth.
 */
export function composedEpsilon(uses: readonly Uses[], delta: number): number {
  const total = uses.reduce((sum, { count }) => sum + count, 0);
  const { segments, parts } = prepare(uses, (CUT_SHARE * delta) / total);
  return refine(segments, parts, planForDelta(parts, delta), (loss) => readEpsilon(loss, delta));
}

/** delta at `epsilon` of a composition in one direction: an upper bound. */
export function composedDelta(uses: readonly Uses[], epsilon: number): number {
  const total = uses.reduce((sum, { count }) => sum + count, 0);
  const rough = prepare(uses, 1e-290 / total);
  const plan = planForEpsilon(rough.parts, epsilon);
  const logBound = composedCumulant(rough.parts, plan.tilt).value - plan.tilt * epsilon;
  const { segments, parts } = prepare(
    uses,
    Math.max(1e-290, CUT_SHARE * Math.exp(Math.min(0, logBound)) * 1e-2) / total,
  );
  return refine(segments, parts, planForEpsilon(parts, epsilon), (loss) => readDelta(loss, epsilon));
}

/** Repeats a reading on finer and finer grids until it settles. Each is an upper bound, so the least is returned. */
function refine(
  segments: readonly Segment[],
  parts: readonly Part[],
  plan: Plan,
  read: (loss: ComposedLoss) => number,
): number {
  const narrowest = Math.min(...parts.map(({ loss }) => Math.sqrt(cumulantOf(loss, 0).variance)));
  let size = LEAST_SIZE;
  while (size < MOST_SIZE && (plan.highest - plan.lowest) / size > 2 * narrowest) size *= 2;
  let best = read(compose(segments, plan, size));
  while (size < MOST_SIZE) {
    size = Math.min(MOST_SIZE, 4 * size);
    const finer = read(compose(segments, plan, size));
    const settled = best - finer <= RELATIVE_ACCURACY * finer;
    best = Math.min(best, finer);
    if (settled && Number.isFinite(best)) break;
  }
  return best;
}

function prepare(uses: readonly Uses[], upperTail: number): { segments: Segment[]; parts: Part[] } {
  const segments = uses.map(({ pair, count }) => ({
    pair,
    count,
    range: lossRange(pair, upperTail, LOWER_TAIL),
  }));
  const parts = segments.map(({ pair, count, range }) => ({
    count,
    loss: connectTheDots(pair, unevenLosses(pair, range)),
  }));
  return { segments, parts };
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
