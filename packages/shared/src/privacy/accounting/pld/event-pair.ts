import { gaussianDistanceSquared } from '../gaussian.js';
import type { PrivacyEvent } from '../events.js';
import { usesOf, type SingleEvent } from '../normalise.js';
import { checkSampling } from '../sampling.js';
import { sensitivityFactor } from '../sensitivity.js';
import { unsupportedEvent } from '../unsupported.js';
import { gaussianPair, laplacePair, poissonSampledPair, type DominatingPair } from './dominating-pair.js';
import { discreteGaussianNoise, shiftedPair, skellamNoise, type IntegerNoise } from './integer-noise.js';

/** An event's pair, and whether the two directions differ. */
export interface EventPair {
  readonly pair: DominatingPair;
  readonly symmetric: boolean;
}

/** Integer laws of a deviation above this are not tabulated. */
const LARGEST_TABULATED_VARIANCE = 1e10;

/**
 * The dominating pair of one use of an event. The event must have finite noise.
 *
 * @param accountant - who asks, for the message
 * @throws Refusal `privacy.unsupported-event`
 */
export function eventPair(event: SingleEvent, accountant: string): EventPair {
  checkSampling(event, accountant);
  if (event.kind === 'sampled-without-replacement') {
    throw unsupportedEvent(
      accountant,
      event.kind,
      'no dominating pair is proved for sampling without replacement under composition',
      'Use the rdp accountant.',
    );
  }
  if (event.kind !== 'poisson-sampled') return { pair: symmetricPair(event, accountant), symmetric: true };
  const base = symmetricPair(event.event, accountant);
  return { pair: poissonSampledPair(event.rate, base.above), symmetric: event.rate === 1 };
}

function symmetricPair(event: PrivacyEvent, accountant: string): DominatingPair {
  const distance = gaussianDistanceSquared(event);
  if (distance !== undefined) return gaussianPair(Math.sqrt(distance));
  switch (event.kind) {
    case 'laplace':
      return laplacePair(sensitivityFactor(event.relation) / event.noiseScale);
    case 'discrete-gaussian':
      return integerPair(event, event.dimension, event.variance, discreteGaussianNoise, accountant);
    case 'skellam':
      return integerPair(event, event.dimension, event.variance, skellamNoise, accountant);
    case 'distributed-discrete-gaussian':
      if (event.honestShares > 1) {
        throw unsupportedEvent(
          accountant,
          event.kind,
          'the law of a sum of discrete Gaussians is bounded, not known',
          'Use the rdp accountant.',
        );
      }
      return integerPair(event, event.dimension, event.localVariance, discreteGaussianNoise, accountant);
    default: {
      const uses = usesOf(event);
      const [only] = uses;
      if (uses.length === 1 && only?.count === 1) return symmetricPair(only.event, accountant);
      throw unsupportedEvent(
        accountant,
        event.kind,
        'only Gaussians are bounded when one sampled step releases several things',
        'Use the rdp accountant.',
      );
    }
  }
}

function integerPair(
  event: { readonly kind: string; readonly l2Sensitivity: number },
  dimension: number,
  variance: number,
  noise: (variance: number) => IntegerNoise,
  accountant: string,
): DominatingPair {
  const shift = Math.floor(event.l2Sensitivity);
  if (shift === 0) return laplacePair(0);
  if (dimension > 1) {
    throw unsupportedEvent(
      accountant,
      event.kind,
      'in more than one dimension no worst pair of integer laws is known',
      'Use the rdp accountant.',
    );
  }
  if (variance > LARGEST_TABULATED_VARIANCE) {
    throw unsupportedEvent(
      accountant,
      event.kind,
      'its law is too wide to tabulate',
      'Use the rdp accountant.',
    );
  }
  return shiftedPair(noise(variance), shift);
}
