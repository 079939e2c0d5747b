import type { DominatingPair } from './pld/dominating-pair.js';

/** The least epsilon of one use of a pair at `delta` > 0, in both directions, by bisection of its curves. */
export function singleUseEpsilon({ above, below }: DominatingPair, delta: number): number {
  const worst = (epsilon: number): number => Math.max(above(epsilon), below(epsilon));
  if (worst(0) <= delta) return 0;
  let high = 1;
  while (worst(high) > delta) {
    high *= 2;
    if (high > 1e15) return Infinity;
  }
  let low = 0;
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step += 1) {
    const middle = (low + high) / 2;
    if (worst(middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** delta of one use of a pair at `epsilon` >= 0, the worse of both directions. */
export function singleUseDelta({ above, below }: DominatingPair, epsilon: number): number {
  return Math.max(above(epsilon), below(epsilon));
}
