/** A bound on the Rényi divergence of one use of an event, at any order above 1. Infinite where there is none. */
export type RenyiCurve = (order: number) => number;

/**
 * Extends a bound proved at integer orders: (a - 1) RDP(a) is a cumulant generating function, hence convex, hence below its
 * chord (Wang, Balle, Kasiviswanathan 2019, arXiv 1808.00087, corollary 10). At order 1 it is 0.
 */
export function throughIntegers(atInteger: RenyiCurve): RenyiCurve {
  const known = new Map<number, number>();
  const cumulant = (order: number): number => {
    if (order <= 1) return 0;
    let value = known.get(order);
    if (value === undefined) known.set(order, (value = (order - 1) * atInteger(order)));
    return value;
  };
  return (order) => {
    const floor = Math.floor(order);
    const share = order - floor;
    const chord = share === 0 ? cumulant(order) : (1 - share) * cumulant(floor) + share * cumulant(floor + 1);
    return chord / (order - 1);
  };
}
