import { composedCumulant, type Part } from './cumulant.js';

/** How a composition is tilted. */
export interface Tilt {
  /** theta >= 0: losses are weighted by e^(theta loss) before the transform, and back after it. */
  readonly tilt: number;
  /** ln of the delta that is looked for, or of the Chernoff bound on it. */
  readonly logDelta: number;
}

/** Where to look at a composition: a tilt that makes the losses of interest likely enough, and the window around them. */
export interface Plan extends Tilt {
  readonly lowest: number;
  readonly highest: number;
  /** A further tilt at which the Chernoff bound on the mass above the window is good. */
  readonly tailTilt: number;
}

/** ln of the tilted mass that may lie outside the window, on either side. */
const LOG_OUTSIDE = Math.log(1e-10);
/** ln of the share of delta that may lie above the window: it counts as infinite loss. */
const LOG_SHARE_ABOVE = Math.log(1e-6);
/**
 * ln of how likely the losses above the answer are to be under the tilt. Likely enough that the rounding of the transform
 * (near 1e-16 a step) is small beside it; less would serve a distribution with heavy tails, whose tilted law is wide.
 */
const LOG_LIKELY = Math.log(1e-4);

/** Below this likelihood an answer may drown in the rounding of the transform. */
const LOG_DROWNED = Math.log(1e-7);

/** The tilt for reading epsilon at `delta`. */
export function tiltForDelta(parts: readonly Part[], delta: number): Tilt {
  const logDelta = Math.log(delta);
  // The tilt that minimises the Chernoff bound (K(theta) - ln delta) / theta; its mean is that bound.
  const chernoff = risingRoot((tilt) => {
    const { value, mean } = composedCumulant(parts, tilt);
    return tilt * mean - value + logDelta;
  }, tiltUnit(parts));
  return likelyTilt(parts, chernoff, composedCumulant(parts, chernoff).mean, logDelta);
}

/** The tilt for reading delta at `epsilon`. */
export function tiltForEpsilon(parts: readonly Part[], epsilon: number): Tilt {
  if (composedCumulant(parts, 0).mean >= epsilon) return { tilt: 0, logDelta: 0 };
  const chernoff = risingRoot((tilt) => composedCumulant(parts, tilt).mean - epsilon, tiltUnit(parts));
  const { value } = composedCumulant(parts, chernoff);
  // (1 - e^-x) e^(-theta x) is at most theta^theta / (1 + theta)^(1 + theta).
  const factor = chernoff * Math.log(chernoff) - (1 + chernoff) * Math.log1p(chernoff);
  return likelyTilt(parts, chernoff, epsilon, Math.min(0, value - chernoff * epsilon + factor));
}

/**
 * Another tilt, now that an answer is roughly known: undefined when it was likely enough under the last one. The first tilt
 * rests on a Chernoff bound, which is far off when a single large loss is what decides.
 */
export function betterTilt(
  parts: readonly Part[],
  { tilt }: Tilt,
  { epsilon, delta }: { readonly epsilon: number; readonly delta: number },
): Tilt | undefined {
  const logDelta = Math.log(delta);
  if (tilt * epsilon - composedCumulant(parts, tilt).value + logDelta >= LOG_DROWNED) return undefined;
  const largest = risingRoot((x) => composedCumulant(parts, x).mean - epsilon, tiltUnit(parts));
  return largest > tilt ? likelyTilt(parts, largest, epsilon, logDelta) : undefined;
}

/**
 * @param chernoff - the tilt whose mean is `epsilon`; no larger one is of use
 * @param logDelta - ln of the probability of losses above `epsilon`, about
 */
function likelyTilt(parts: readonly Part[], chernoff: number, epsilon: number, logDelta: number): Tilt {
  if (logDelta >= LOG_LIKELY) return { tilt: 0, logDelta };
  const lack = (x: number): number => x * epsilon - composedCumulant(parts, x).value + logDelta - LOG_LIKELY;
  return { tilt: risingRoot(lack, chernoff, chernoff), logDelta };
}

/**
 * The window outside which the tilted law has next to no mass, and above which there is little of delta, by Chernoff bounds.
 */
export function planAt(parts: readonly Part[], { tilt, logDelta }: Tilt): Plan {
  const centre = composedCumulant(parts, tilt);
  const [least, most] = lossesOf(parts);
  // A law that the tilt has pressed against its largest loss has next to no variance left.
  const start = Math.sqrt((-2 * LOG_OUTSIDE) / Math.max(centre.variance, (1e-9 * (most - least)) ** 2));
  const bound = (direction: 1 | -1, distance: number): number => {
    const { value } = composedCumulant(parts, tilt + direction * distance);
    return (value - centre.value - LOG_OUTSIDE) / distance;
  };
  const above = (distance: number): number =>
    (composedCumulant(parts, tilt + distance).value - logDelta - LOG_SHARE_ABOVE) / (tilt + distance);
  const up = [minimise((distance) => bound(1, distance), start), minimise(above, start)].reduce((a, b) =>
    a.value > b.value ? a : b,
  );
  const down = minimise((distance) => bound(-1, distance), start);
  return {
    tilt,
    logDelta,
    lowest: Math.max(least, -down.value),
    highest: Math.min(most, up.value),
    tailTilt: tilt + up.at,
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
