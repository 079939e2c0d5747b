/**
 * Shrinks a bracket around the sign change of a falling function with the ITP method (Oliveira, Takahashi 2021, "An
 * enhancement of the bisection method average performance"): as fast as the secant method on smooth functions, never more than one step slower than
 * bisection on any.
 *
 * @param low - where `value` is positive
 * @param high - where `value` is at most zero
 * @param width - the bracket is narrower than this on return
 */
export function shrinkBracket(
  value: (x: number) => number,
  low: { x: number; value: number },
  high: { x: number; value: number },
  width: number,
): { low: number; high: number } {
  const start = high.x - low.x;
  const most = Math.max(0, Math.ceil(Math.log2(start / width))) + 1;
  for (let step = 0; high.x - low.x > width; step += 1) {
    const middle = (low.x + high.x) / 2;
    const secant = (low.x * -high.value + high.x * low.value) / (low.value - high.value);
    const towards = Math.sign(middle - secant);
    const nudge = (0.2 / start) * (high.x - low.x) ** 2;
    const nudged = nudge <= Math.abs(middle - secant) ? secant + towards * nudge : middle;
    const slack = Math.max(0, (width / 2) * 2 ** (most - step) - (high.x - low.x) / 2);
    const x = Math.abs(nudged - middle) <= slack ? nudged : middle - towards * slack;
    if (x <= low.x || x >= high.x) break;
    const found = { x, value: value(x) };
    if (found.value > 0) low = found;
    else high = found;
  }
  return { low: low.x, high: high.x };
}
