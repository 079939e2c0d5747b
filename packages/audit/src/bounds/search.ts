const LARGEST_EPSILON = 50;

/** The largest ε up to 50 that `falsified` holds of, where it holds up to some ε and not beyond; 0 where it holds of none. */
export function largestFalsified(falsified: (epsilon: number) => boolean): number {
  if (!falsified(0)) return 0;
  let low = 0;
  let high = LARGEST_EPSILON;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (falsified(middle)) low = middle;
    else high = middle;
  }
  return low;
}
