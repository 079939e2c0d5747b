import type { BaseEvent, PrivacyEvent } from '../events.js';
import { gaussianDistanceSquared } from '../gaussian.js';
import { usesOf, type SingleEvent } from '../normalise.js';
import { checkSampling } from '../sampling.js';
import { sensitivityFactor } from '../sensitivity.js';
import { distributedDiscreteGaussianCurve, laplaceCurve, skellamCurve } from './additive-noise.js';
import { poissonGaussianCurve } from './poisson-gaussian.js';
import { poissonSampledCurve } from './poisson-sampling.js';
import type { RenyiCurve } from './renyi-curve.js';
import { withoutReplacementCurve } from './without-replacement.js';

/**
 * The Rényi curve of one use of an event.
 *
 * @throws Refusal `privacy.unsupported-event` for a sampling without a proved bound
 */
export function eventCurve(event: SingleEvent): RenyiCurve {
  checkSampling(event, 'rdp');
  switch (event.kind) {
    case 'poisson-sampled': {
      const distance = gaussianDistanceSquared(event.event);
      return distance === undefined
        ? poissonSampledCurve(event.rate, composedCurve(event.event))
        : poissonGaussianCurve(event.rate, 1 / Math.sqrt(distance));
    }
    case 'sampled-without-replacement': {
      const distance = gaussianDistanceSquared(event.event);
      const deviation = distance === undefined ? undefined : 1 / Math.sqrt(distance);
      return withoutReplacementCurve(event.rate, composedCurve(event.event), deviation);
    }
    default:
      return baseCurve(event);
  }
}

/** A sampled step may itself release several things; their curves add. */
function composedCurve(event: PrivacyEvent): RenyiCurve {
  const parts = usesOf(event).map((use) => ({ count: use.count, curve: eventCurve(use.event) }));
  return (order) => parts.reduce((sum, { count, curve }) => sum + count * curve(order), 0);
}

function baseCurve(event: BaseEvent): RenyiCurve {
  switch (event.kind) {
    case 'laplace':
      return laplaceCurve(event.noiseScale / sensitivityFactor(event.relation));
    case 'skellam':
      return skellamCurve(event);
    case 'distributed-discrete-gaussian':
      return distributedDiscreteGaussianCurve(event);
    case 'discrete-gaussian': {
      // Concentrated as the continuous Gaussian is: Canonne, Kamath, Steinke 2020, arXiv 2004.00010, theorem 4.
      const slope = event.l2Sensitivity === 0 ? 0 : event.l2Sensitivity ** 2 / (2 * event.variance);
      return (order) => order * slope;
    }
    case 'gaussian':
    case 'tree':
    case 'matrix-factorisation': {
      const slope = (gaussianDistanceSquared(event) ?? Infinity) / 2;
      return (order) => order * slope;
    }
  }
}
