import { gaussianLogDelta } from '../gaussian.js';

/**
 * A pair of laws (P, Q) that is worst for an event, known through its two hockey-stick curves. Any adversary's advantage
 * over (composed) uses of the event is bounded by the curves of the (composed) pair.
 */
export interface DominatingPair {
  /** delta at which P is epsilon-close to Q, for epsilon >= 0; falls towards 0. */
  readonly above: (epsilon: number) => number;
  /** The same for Q against P. */
  readonly below: (epsilon: number) => number;
}

/** Two normal laws of equal deviation, `distance` deviations apart (Balle, Wang 2018, arXiv 1805.06530, theorem 8). */
export function gaussianPair(distance: number): DominatingPair {
  const curve = (epsilon: number): number => Math.exp(gaussianLogDelta(distance, epsilon));
  return { above: curve, below: curve };
}

/**
 * Two Laplace laws whose losses lie within +-`epsilon`: delta(e) = 1 - e^((e - epsilon) / 2) below it.
 *
 * @param pureEpsilon - sensitivity over scale
 */
export function laplacePair(pureEpsilon: number): DominatingPair {
  const curve = (epsilon: number): number => Math.max(0, -Math.expm1((epsilon - pureEpsilon) / 2));
  return { above: curve, below: curve };
}

/**
 * Poisson sampling at `rate` of a symmetric pair, the unit being removed: (1 - q) Q + q P against Q
 * (Zhu, Dong, Wang 2022, arXiv 2106.08567, theorem 11). Its mirror image is the unit being added.
 *
 * Both curves are those of the pair itself at another epsilon (Balle, Barthe, Gaboardi 2018, arXiv 1807.01647).
 */
export function poissonSampledPair(rate: number, symmetric: (epsilon: number) => number): DominatingPair {
  if (rate === 1) return { above: symmetric, below: symmetric };
  // For negative arguments: delta(-e) = 1 - e^-e + e^-e delta(e).
  const everywhere = (epsilon: number): number =>
    epsilon >= 0 ? symmetric(epsilon) : Math.exp(epsilon) * symmetric(-epsilon) - Math.expm1(epsilon);
  // ln((e^epsilon - 1 + q) / q), also where e^epsilon overflows.
  const unsampled = (epsilon: number): number =>
    epsilon > 500 ? epsilon - Math.log(rate) : Math.log1p(Math.expm1(epsilon) / rate);
  return {
    above: (epsilon) => rate * everywhere(unsampled(epsilon)),
    below: (epsilon) => {
      const share = rate - Math.expm1(epsilon) * (1 - rate);
      const ratio = Math.expm1(-epsilon) / rate;
      return share <= 0 || ratio <= -1 ? 0 : share * everywhere(-Math.log1p(ratio));
    },
  };
}

/** The same pair in the other direction. */
export function mirrored({ above, below }: DominatingPair): DominatingPair {
  return { above: below, below: above };
}
