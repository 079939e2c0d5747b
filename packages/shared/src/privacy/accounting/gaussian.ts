import type { PrivacyEvent } from './events.js';
import { factorisationSensitivitySquared } from './matrix-factorisation.js';
import { log1mExp } from './numeric.js';
import { LOG_SQRT_TWO_PI, logNormalCdf, millsDifference } from './normal.js';
import { sensitivityFactor } from './sensitivity.js';
import { treeSensitivitySquared } from './tree.js';

/**
 * The squared distance m^2 = (sensitivity / deviation)^2 of the two normal laws that an unsampled event releases, or
 * undefined when it is none. Such events compose by adding m^2; each is (m^2 / 2)-zCDP and m-GDP.
 */
export function gaussianDistanceSquared(event: PrivacyEvent): number | undefined {
  switch (event.kind) {
    case 'gaussian':
      return distance(sensitivityFactor(event.relation) ** 2, event.noiseMultiplier);
    case 'tree':
      return distance(
        treeSensitivitySquared(event) * sensitivityFactor(event.relation) ** 2,
        event.noiseMultiplier,
      );
    case 'matrix-factorisation':
      return distance(
        factorisationSensitivitySquared(event) * sensitivityFactor(event.relation) ** 2,
        event.noiseMultiplier,
      );
    case 'repeated': {
      const once = gaussianDistanceSquared(event.event);
      return event.count === 0 ? 0 : once && once * event.count;
    }
    case 'composed':
      return event.events.reduce<number | undefined>((sum, part) => {
        const more = gaussianDistanceSquared(part);
        return sum === undefined || more === undefined ? undefined : sum + more;
      }, 0);
    default:
      return undefined;
  }
}

function distance(sensitivitySquared: number, deviation: number): number {
  return sensitivitySquared === 0 ? 0 : sensitivitySquared / deviation ** 2;
}

/**
 * ln delta(epsilon) of the Gaussian mechanism, exact (Balle, Wang 2018, arXiv 1805.06530, theorem 8).
 *
 * @param distance - m = sensitivity / deviation, at least 0
 * @param epsilon - any real number
 */
export function gaussianLogDelta(distance: number, epsilon: number): number {
  if (distance === Infinity) return 0;
  if (distance === 0) return epsilon < 0 ? log1mExp(epsilon) : -Infinity;
  const x = epsilon / distance - distance / 2;
  // Both terms have the factor phi(x); what is left is a difference of two Mills ratios.
  if (x >= 0) return -0.5 * x * x - LOG_SQRT_TWO_PI + Math.log(millsDifference(x, distance));
  const above = logNormalCdf(-x);
  const below = epsilon + logNormalCdf(-distance / 2 - epsilon / distance);
  return below >= above ? -Infinity : above + log1mExp(below - above);
}

/**
 * The least epsilon of the Gaussian mechanism at `delta`, exact up to rounding and never below.
 *
 * @param distance - m = sensitivity / deviation, at least 0
 */
export function gaussianEpsilon(distance: number, delta: number): number {
  if (distance === 0) return 0;
  if (distance === Infinity || delta <= 0) return delta >= 1 ? 0 : Infinity;
  const target = Math.log(delta);
  if (gaussianLogDelta(distance, 0) <= target) return 0;
  let low = 0;
  let high = distance;
  while (gaussianLogDelta(distance, high) > target) {
    low = high;
    high *= 2;
  }
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step += 1) {
    const middle = (low + high) / 2;
    if (gaussianLogDelta(distance, middle) > target) low = middle;
    else high = middle;
  }
  return high;
}
