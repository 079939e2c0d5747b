import { composedCumulant, type Cumulant, type Part } from './cumulant.js';

/** Where to look at a composition: a tilt that makes the losses of interest likely enough, and the window around them. */
export interface Plan {
  /** theta >= 0: losses are weighted by e^(theta loss) before the transform, and back after it. */
  readonly tilt: number;
  readonly lowest: number;
  readonly highest: number;
  /** A further tilt at which the Chernoff bound on the mass above the window is good. */
  readonly tailTilt: number;
  /** ln of the Chernoff bound on the delta that is looked for. */
  readonly logDelta: number;
}

/** ln of the tilted mass that may lie outside the window, on either side. */
const LOG_OUTSIDE = Math.log(1e-10);
/**
 * ln of how likely the losses above the answer are to be under the tilt. Likely enough that the rounding of the transform
 * (near 1e-16 a step) is small beside it; less would serve a distribution with heavy tails, whose tilted law is wide.
 */
const LOG_LIKELY = Math.log(1e-4);

/** The plan for reading epsilon at `delta`. */
export function planForDelta(parts: readonly Part[], delta: number): Plan {
  // The tilt that minimises the Chernoff bound (K(theta) - ln delta) / theta; its mean is that bound.
  const chernoff = risingRoot((tilt) => {
    const { value, mean } = composedCumulant(parts, tilt);
    return tilt * mean - value + Math.log(delta);
  }, tiltUnit(parts));
  return planAt(parts, chernoff, composedCumulant(parts, chernoff).mean, Math.log(delta));
}

/** The plan for reading delta at `epsilon`. */
export function planForEpsilon(parts: readonly Part[], epsilon: number): Plan {
  if (composedCumulant(parts, 0).mean >= epsilon) return planAt(parts, 0, epsilon, 0);
  const chernoff = risingRoot((tilt) => composedCumulant(parts, tilt).mean - epsilon, tiltUnit(parts));
  return planAt(
    parts,
    chernoff,
    epsilon,
    Math.min(0, composedCumulant(parts, chernoff).value - chernoff * epsilon),
  );
}

/**
 * @param chernoff - the tilt whose mean is `epsilon`; no larger one is of use
 * @param logDelta - ln of the probability of losses above `epsilon`, about
 */
function planAt(parts: readonly Part[], chernoff: number, epsilon: number, logDelta: number): Plan {
  const tilt =
    logDelta >= LOG_LIKELY
      ? 0
      : risingRoot(
          (x) => x * epsilon - composedCumulant(parts, x).value + logDelta - LOG_LIKELY,
          chernoff,
          chernoff,
        );
  const centre = composedCumulant(parts, tilt);
  const [least, most] = lossesOf(parts);
  // A law that the tilt has pressed against its largest loss has next to no variance left.
  const start = Math.sqrt((-2 * LOG_OUTSIDE) / Math.max(centre.variance, (1e-9 * (most - least)) ** 2));
  const bound = (direction: 1 | -1, distance: number): number => {
    const { value } = composedCumulant(parts, tilt + direction * distance);
    return (value - centre.value - LOG_OUTSIDE) / distance;
  };
  const up = minimise((distance) => bound(1, distance), start);
  const down = minimise((distance) => bound(-1, distance), start);
  return {
    tilt,
    lowest: Math.max(least, -down.value),
    highest: Math.min(most, up.value),
    tailTilt: tilt + up.at,
    logDelta,
  };
}

/** The least and the largest loss that a composition can have. */
export function lossesOf(parts: readonly Part[]): readonly [number, number] {
  return parts.reduce<readonly [number, number]>(
    ([least, most], { loss: { losses }, count }) => [
      least + count * (losses[0] ?? 0),
      most + count * (losses[losses.length - 1] ?? 0),
    ],
    [0, 0],
  );
}

/** The scale of tilts: one over the deviation of the composed loss. */
function tiltUnit(parts: readonly Part[]): number {
  const [least, most] = lossesOf(parts);
  return 1 / Math.max(Math.sqrt(composedCumulant(parts, 0).variance), 1e-9 * (most - least));
}

/** ln of the Chernoff bound on the probability that the composed loss exceeds `loss`. */
export function logTailAbove({ value }: Cumulant, tilt: number, loss: number): number {
  return Math.min(0, value - tilt * loss);
}

/** Tilts of more deviations than this press a law against its largest loss entirely. */
const LARGEST_TILT = 1e4;

/**
 * The root of a rising function on (0, `largest`), to a few digits and from above; `largest` when it stays below zero.
 *
 * @param unit - where to begin to look
 */
function risingRoot(value: (x: number) => number, unit: number, largest = LARGEST_TILT * unit): number {
  let high = unit;
  while (value(high) < 0) {
    if (high >= largest) return largest;
    high = Math.min(largest, 2 * high);
  }
  let low = high / 2;
  while (value(low) > 0 && low > 1e-9 * unit) {
    high = low;
    low /= 2;
  }
  for (let step = 0; step < 12; step += 1) {
    const middle = (low + high) / 2;
    if (value(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}

/** Golden-section search over the logarithm of x, from `start` in both directions. */
function minimise(value: (x: number) => number, start: number): { at: number; value: number } {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = Math.log(start) - 5;
  let high = Math.log(start) + 5;
  let left = high - ratio * (high - low);
  let right = low + ratio * (high - low);
  let atLeft = value(Math.exp(left));
  let atRight = value(Math.exp(right));
  while (high - low > 0.02) {
    if (atLeft < atRight) {
      high = right;
      [right, atRight] = [left, atLeft];
      left = high - ratio * (high - low);
      atLeft = value(Math.exp(left));
    } else {
      low = left;
      [left, atLeft] = [right, atRight];
      right = low + ratio * (high - low);
      atRight = value(Math.exp(right));
    }
  }
  return atLeft < atRight ? { at: Math.exp(left), value: atLeft } : { at: Math.exp(right), value: atRight };
}
