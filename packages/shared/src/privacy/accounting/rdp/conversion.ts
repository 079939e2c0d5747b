import { log1mExp } from '../numeric.js';

/** Below this order the conversion loses more digits than it can gain. */
const LEAST_ORDER = 1.01;

/**
 * From a curve of Rényi differential privacy to epsilon (Canonne, Kamath, Steinke 2020, arXiv 2004.00010, proposition 12),
 * minimised over the orders. Epsilon is 0 where the total variation distance, at most sqrt(1 - e^-RDP) by Bretagnolle and
 * Huber, is below delta.
 *
 * @param orders - Rényi orders, above 1
 * @param curve - the Rényi divergence bound at each order
 * @param delta - 0 to 1
 * @returns epsilon and the order that gave it; infinite, with order NaN, when no order gives a bound
 */
export function rdpToEpsilon(
  orders: readonly number[],
  curve: ArrayLike<number>,
  delta: number,
): { epsilon: number; order: number } {
  let best = { epsilon: Infinity, order: NaN };
  orders.forEach((order, index) => {
    const rdp = curve[index] ?? Infinity;
    if (!Number.isFinite(rdp)) return;
    const epsilon = epsilonAt(order, rdp, delta);
    if (epsilon < best.epsilon) best = { epsilon, order };
  });
  return best;
}

function epsilonAt(order: number, rdp: number, delta: number): number {
  if (rdp <= 0) return 0;
  if (delta <= 0) return Infinity;
  if (delta * delta > -Math.expm1(-rdp)) return 0;
  if (order <= LEAST_ORDER) return Infinity;
  return Math.max(0, rdp + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1));
}

/**
 * From a curve of Rényi differential privacy to delta at a given epsilon (the same proposition, solved for delta).
 *
 * @returns delta, at most 1
 */
export function rdpToDelta(orders: readonly number[], curve: ArrayLike<number>, epsilon: number): number {
  let logDelta = 0;
  orders.forEach((order, index) => {
    const rdp = curve[index] ?? Infinity;
    if (!Number.isFinite(rdp)) return;
    const totalVariation = rdp <= 0 ? -Infinity : 0.5 * log1mExp(-rdp);
    const converted =
      order <= LEAST_ORDER ? 0 : (order - 1) * (rdp - epsilon + Math.log1p(-1 / order)) - Math.log(order);
    logDelta = Math.min(logDelta, converted, totalVariation);
  });
  return Math.exp(logDelta);
}
