import type { PrivacyEvent } from './events.js';
import { logAddExp } from './numeric.js';
import { sensitivityFactor } from './sensitivity.js';

/**
 * The epsilon of an event at delta = 0; infinite when it has none. Laplace: sensitivity over scale. Sampling at rate q turns
 * e into ln(1 + q (e^e - 1)) (Balle, Barthe, Gaboardi 2018, arXiv 1807.01647, theorems 8 and 9). Composition adds.
 */
export function pureEpsilon(event: PrivacyEvent): number {
  switch (event.kind) {
    case 'laplace':
      return sensitivityFactor(event.relation) / event.noiseScale;
    case 'discrete-gaussian':
    case 'skellam':
    case 'distributed-discrete-gaussian':
      return event.l2Sensitivity === 0 ? 0 : Infinity;
    case 'gaussian':
    case 'tree':
    case 'matrix-factorisation':
      return Infinity;
    case 'poisson-sampled':
    case 'sampled-without-replacement':
      if (event.rate === 0) return 0;
      return logAddExp(Math.log1p(-event.rate), Math.log(event.rate) + pureEpsilon(event.event));
    case 'repeated':
      return event.count === 0 ? 0 : event.count * pureEpsilon(event.event);
    case 'composed':
      return event.events.reduce((sum, part) => sum + pureEpsilon(part), 0);
  }
}
