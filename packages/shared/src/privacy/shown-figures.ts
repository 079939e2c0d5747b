/*
 * Upper bounds as people read them. They are rounded up and lower bounds down, so that no figure that is shown claims more than what was computed. The
 * last bits, in which a decimal number and its double differ, do not count: 4 is shown as 4.00.
 */

const LAST_BITS = 1e-12;

/**
 * An ε with two decimals, rounded up.
 * @param epsilon - null where no bound is known, as JSON, which has no infinity, keeps it
 * @returns such as `2.39`; `∞` where none is known
 */
export function epsilonFigure(epsilon: number | null): string {
  return epsilon === null || !Number.isFinite(epsilon) ? '∞' : up(epsilon, 2).toFixed(2);
}

/** As {@link epsilonFigure}, in a sentence: `no bound` where none is known. */
export function epsilonText(epsilon: number | null | undefined): string {
  return epsilon == null || !Number.isFinite(epsilon) ? 'no bound' : epsilonFigure(epsilon);
}

/** What ε is at least, with two decimals, rounded down: `0.75`. */
export function lowerEpsilonFigure(epsilon: number): string {
  return (Math.floor(epsilon * 100 * (1 + LAST_BITS)) / 100).toFixed(2);
}

/**
 * A δ with two digits, rounded up: `2.0e-4`.
 * @param delta - above 0
 */
export function deltaFigure(delta: number): string {
  const exponent = Math.floor(Math.log10(delta));
  return (up(delta / 10 ** exponent, 1) * 10 ** exponent).toExponential(1);
}

function up(value: number, places: number): number {
  const scaled = value * 10 ** places;
  return Math.ceil(scaled - Math.abs(scaled) * LAST_BITS) / 10 ** places;
}
