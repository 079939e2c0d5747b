import { composedCumulant, type Cumulant, type Part } from './cumulant.js';

/** Where to look at a composition: the tilt that moves its mean to the losses of interest, and the window around them. */
export interface Plan {
  /** theta >= 0: losses are weighted by e^(theta loss) before the transform, and back after it. */
  readonly tilt: number;
  readonly lowest: number;
  readonly highest: number;
  /** A further tilt at which the Chernoff bound on the mass above the window is good. */
  readonly tailTilt: number;
}

/** ln of the tilted mass that may lie outside the window, on either side. */
const LOG_OUTSIDE = Math.log(1e-16);

/**
 * The plan for reading epsilon at `delta`: the tilt that minimises the Chernoff bound (K(theta) - ln delta) / theta, where the
 * tilted mean is that bound itself.
 */
export function planForDelta(parts: readonly Part[], delta: number): Plan {
  const target = Math.log(delta);
  return planAt(
    parts,
    risingRoot((tilt) => {
      const { value, mean } = composedCumulant(parts, tilt);
      return tilt * mean - value + target;
    }),
  );
}

/** The plan for reading delta at `epsilon`: the tilt whose mean is epsilon, none where the mean is above it already. */
export function planForEpsilon(parts: readonly Part[], epsilon: number): Plan {
  if (composedCumulant(parts, 0).mean >= epsilon) return planAt(parts, 0);
  return planAt(
    parts,
    risingRoot((tilt) => composedCumulant(parts, tilt).mean - epsilon),
  );
}

function planAt(parts: readonly Part[], tilt: number): Plan {
  const centre = composedCumulant(parts, tilt);
  const start = Math.sqrt((-2 * LOG_OUTSIDE) / Math.max(centre.variance, 1e-300));
  const bound = (direction: 1 | -1, distance: number): number => {
    const { value } = composedCumulant(parts, tilt + direction * distance);
    return (value - centre.value - LOG_OUTSIDE) / distance;
  };
  const up = minimise((distance) => bound(1, distance), start);
  const down = minimise((distance) => bound(-1, distance), start);
  return {
    tilt,
    lowest: -down.value,
    highest: up.value,
    tailTilt: tilt + up.at,
  };
}

/** ln of the Chernoff bound on the probability that the composed loss exceeds `loss`. */
export function logTailAbove({ value }: Cumulant, tilt: number, loss: number): number {
  return Math.min(0, value - tilt * loss);
}

/** The root of a rising function on (0, infinity), to a few digits; the last point tried when it stays below zero. */
function risingRoot(value: (x: number) => number): number {
  let high = 1;
  while (value(high) < 0) {
    high *= 2;
    if (high > 1e6) return high;
  }
  let low = high / 2;
  while (value(low) > 0) {
    high = low;
    low /= 2;
    if (low < 1e-9) return low;
  }
  for (let step = 0; step < 20; step += 1) {
    const middle = (low + high) / 2;
    if (value(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
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
