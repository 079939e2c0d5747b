import type { DominatingPair } from './dominating-pair.js';

/** Masses below e^-LOG_CUT are left out, and counted as lost. */
const LOG_CUT = 160;

/** A symmetric log-concave law on the integers: ln of the mass at 0, 1, 2, ... */
export interface IntegerNoise {
  readonly logMass: Float64Array;
  /** A bound on the mass beyond, on both sides together. */
  readonly lost: number;
}

/** The discrete Gaussian: mass proportional to e^(-k^2 / (2 variance)). */
export function discreteGaussianNoise(variance: number): IntegerNoise {
  const reach = Math.ceil(Math.sqrt(2 * LOG_CUT * variance)) + 1;
  return normalised(Float64Array.from({ length: reach + 1 }, (_, k) => -(k ** 2) / (2 * variance)));
}

/**
 * The Skellam law of the difference of two Poisson variables of mean variance / 2: mass e^-v I_k(v). By backward recurrence
 * of the Bessel functions, which is stable and keeps the relative accuracy of the tail.
 */
export function skellamNoise(variance: number): IntegerNoise {
  const tailAt = (k: number): number =>
    Math.sqrt(variance ** 2 + k ** 2) - variance - k * Math.asinh(k / variance);
  let reach = 8;
  while (tailAt(reach) > -LOG_CUT) reach = Math.ceil(reach * 1.25);
  const start = reach + 64;
  const logMass = new Float64Array(reach + 1);
  let next = 0;
  let current = 1;
  let scale = 0;
  for (let k = start; k >= 1; k -= 1) {
    const before = next + ((2 * k) / variance) * current;
    next = current;
    current = before;
    if (current > 1e200) {
      next /= current;
      scale += Math.log(current);
      current = 1;
    }
    if (k - 1 <= reach) logMass[k - 1] = Math.log(current) + scale;
  }
  return normalised(logMass);
}

function normalised(logWeights: Float64Array): IntegerNoise {
  const peak = logWeights[0] ?? 0;
  let total = 0;
  logWeights.forEach((log, k) => (total += (k === 0 ? 1 : 2) * Math.exp(log - peak)));
  const logTotal = peak + Math.log(total);
  return { logMass: logWeights.map((log) => log - logTotal), lost: Math.exp(-LOG_CUT + 20) };
}

/**
 * The pair of a law and its shift by `shift` integers. The law is log-concave, so the loss rises with the outcome, the best
 * test is a threshold, and no smaller shift is worse. Symmetric.
 */
export function shiftedPair({ logMass, lost }: IntegerNoise, shift: number): DominatingPair {
  const reach = logMass.length - 1;
  if (shift > 2 * reach) return { above: () => 1, below: () => 1 };
  const at = (k: number): number => logMass[Math.abs(k)] ?? -Infinity;
  // Outcomes x of P = X + shift, from -reach + shift (below it Q alone has mass) to reach.
  const first = shift - reach;
  const count = 2 * reach - shift + 1;
  const loss = new Float64Array(Math.max(0, count));
  const massAbove = new Float64Array(loss.length + 1);
  const otherAbove = new Float64Array(loss.length + 1);
  // Outcomes beyond the reach of Q count as certain detection.
  let beyond = lost;
  for (let k = reach + 1; k <= reach + shift; k += 1) beyond += Math.exp(at(k - shift));
  massAbove[loss.length] = beyond;
  for (let index = loss.length - 1; index >= 0; index -= 1) {
    const x = first + index;
    loss[index] = at(x - shift) - at(x);
    massAbove[index] = (massAbove[index + 1] ?? 0) + Math.exp(at(x - shift));
    otherAbove[index] = (otherAbove[index + 1] ?? 0) + Math.exp(at(x));
  }
  const curve = (epsilon: number): number => {
    let low = 0;
    let high = loss.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((loss[middle] ?? 0) > epsilon) high = middle;
      else low = middle + 1;
    }
    const mass = massAbove[low] ?? 0;
    const other = otherAbove[low] ?? 0;
    return other === 0 ? mass : Math.max(0, mass - Math.exp(epsilon) * other);
  };
  return { above: curve, below: curve };
}
