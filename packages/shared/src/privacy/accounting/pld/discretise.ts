import type { DominatingPair } from './dominating-pair.js';

/** A privacy loss distribution with finitely many losses: it dominates the pair that it was made from. */
export interface LossMasses {
  /** Losses, rising. */
  readonly losses: Float64Array;
  readonly masses: Float64Array;
  /** Probability of an infinite loss. */
  readonly infinite: number;
}

/** Losses where the two tails of a pair have fallen to almost nothing. */
export interface LossRange {
  readonly lowest: number;
  readonly highest: number;
}

/** Where `above` has fallen to `upperTail`, and `below` to `lowerTail`. */
export function lossRange(pair: DominatingPair, upperTail: number, lowerTail: number): LossRange {
  return { lowest: -fallsTo(pair.below, lowerTail), highest: fallsTo(pair.above, upperTail) };
}

/** The loss, to a few per cent and on the far side, at which a falling curve reaches `level`; 0 when it starts below. */
export function fallsTo(curve: (epsilon: number) => number, level: number): number {
  if (curve(0) <= level) return 0;
  let high = 1;
  while (curve(high) > level && high < 1e12) high *= 2;
  let low = high / 2;
  while (low > 1e-300 && curve(low) <= level) {
    high = low;
    low /= 2;
  }
  while (high > low * 1.02) {
    const middle = Math.sqrt(low * high);
    if (curve(middle) > level) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Connect-the-dots (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022, arXiv 2207.04380, algorithm 1): the distribution on
 * the given losses whose hockey-stick curve joins the pair's by chords in e^epsilon, so that it lies nowhere below it.
 *
 * With D_i the curve at loss i, mass_i = (D_(i+1) - D_i) / (e^(l_(i+1) - l_i) - 1) - (D_i - D_(i-1)) / (1 - e^(l_(i-1) - l_i)).
 * Below zero the curve enters through D - (1 - e^l) = e^l below(-l): the difference of second differences is nothing, and
 * what is left is small, so that no digits are lost.
 *
 * @param losses - rising, one of them 0 or all on one side of it
 */
export function connectTheDots(pair: DominatingPair, losses: Float64Array): LossMasses {
  const count = losses.length;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const loss = losses[i] ?? 0;
    values[i] = loss >= 0 ? pair.above(loss) : Math.exp(loss) * pair.below(-loss);
  }
  const masses = new Float64Array(count);
  const zero = losses.findIndex((loss) => loss >= 0);
  for (let i = 0; i < count; i += 1) {
    const here = losses[i] ?? 0;
    const value = values[i] ?? 0;
    const negative = zero < 0 || i < zero;
    let mass: number;
    if (i + 1 < count) {
      const gap = (losses[i + 1] ?? 0) - here;
      mass = ((values[i + 1] ?? 0) - value) / Math.expm1(gap);
    } else {
      mass = 0;
    }
    if (i > 0) {
      const gap = (losses[i - 1] ?? 0) - here;
      // At zero the left neighbour is brought back to the curve itself.
      const left = (values[i - 1] ?? 0) - (i === zero ? Math.expm1(gap) : 0);
      mass += (value - left) / Math.expm1(gap);
    } else {
      mass += negative ? -value : 1 - value;
    }
    masses[i] = Math.max(0, mass);
  }
  return { losses, masses, infinite: values[count - 1] ?? 0 };
}
