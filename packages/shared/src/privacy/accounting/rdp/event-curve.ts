import type { BaseEvent, PrivacyEvent } from '../events.js';
import { gaussianDistanceSquared } from '../gaussian.js';
import { usesOf, type SingleEvent } from '../normalise.js';
import { checkSampling } from '../sampling.js';
import { sensitivityFactor } from '../sensitivity.js';
import { distributedDiscreteGaussianCurve, laplaceCurve, skellamCurve } from './additive-noise.js';
import { poissonGaussianCurve } from './poisson-gaussian.js';
import { poissonSampledCurve, poissonSampledSymmetricCurve } from './poisson-sampling.js';
import type { RenyiCurve } from './renyi-curve.js';
import { withoutReplacementCurve } from './without-replacement.js';

/**
 * The Rényi curve of one use of an event; the curves of what it is composed of add.
 *
 * @throws Refusal `privacy.unsupported-event` for a sampling without a proved bound
 */
export function eventCurve(event: PrivacyEvent): RenyiCurve {
  const parts = usesOf(event).map((use) => ({ count: use.count, curve: singleCurve(use.event) }));
  return (order) => parts.reduce((sum, { count, curve }) => sum + count * curve(order), 0);
}

function singleCurve(event: SingleEvent): RenyiCurve {
  checkSampling(event, 'rdp');
  switch (event.kind) {
    case 'poisson-sampled': {
      const distance = gaussianDistanceSquared(event.event);
      if (distance !== undefined) return poissonGaussianCurve(event.rate, 1 / Math.sqrt(distance));
      const bound = isSymmetricNoise(event.event) ? poissonSampledSymmetricCurve : poissonSampledCurve;
      return bound(event.rate, eventCurve(event.event));
    }
    case 'sampled-without-replacement': {
      const distance = gaussianDistanceSquared(event.event);
      const deviation = distance === undefined ? undefined : 1 / Math.sqrt(distance);
      return withoutReplacementCurve(event.rate, eventCurve(event.event), deviation);
    }
    default:
      return baseCurve(event);
  }
}

/** One release by noise that is added and symmetric. What is released after it might depend on it, and a reflection would not undo that. */
function isSymmetricNoise({ kind }: PrivacyEvent): boolean {
  return (
    kind === 'laplace' ||
    kind === 'discrete-gaussian' ||
    kind === 'distributed-discrete-gaussian' ||
    kind === 'skellam'
  );
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
