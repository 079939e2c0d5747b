import type { LossMasses } from './discretise.js';

/** `count` uses of one privacy loss distribution. */
export interface Part {
  readonly loss: LossMasses;
  readonly count: number;
}

/** The cumulant generating function of the finite losses at one tilt, with its first two derivatives. */
export interface Cumulant {
  readonly value: number;
  readonly mean: number;
  readonly variance: number;
}

/** ln sum of p e^(tilt loss) over the finite losses of one distribution, with derivatives. */
export function cumulantOf({ losses, masses }: LossMasses, tilt: number): Cumulant {
  let peak = -Infinity;
  for (let i = 0; i < losses.length; i += 1) {
    if ((masses[i] ?? 0) > 0) peak = Math.max(peak, tilt * (losses[i] ?? 0));
  }
  let total = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < losses.length; i += 1) {
    const mass = masses[i] ?? 0;
    // A loss that has no mass may lie where the exponential overflows.
    if (mass === 0) continue;
    const loss = losses[i] ?? 0;
    const weight = mass * Math.exp(tilt * loss - peak);
    total += weight;
    first += weight * loss;
    second += weight * loss * loss;
  }
  const mean = first / total;
  return { value: peak + Math.log(total), mean, variance: Math.max(0, second / total - mean * mean) };
}

/** The cumulants of a composition add. */
export function composedCumulant(parts: readonly Part[], tilt: number): Cumulant {
  let value = 0;
  let mean = 0;
  let variance = 0;
  for (const { loss, count } of parts) {
    const one = cumulantOf(loss, tilt);
    value += count * one.value;
    mean += count * one.mean;
    variance += count * one.variance;
  }
  return { value, mean, variance };
}
