import { logAddExp, logBinomial, logExpm1 } from '../numeric.js';
import { throughIntegers, type RenyiCurve } from './renyi-curve.js';

/**
 * Poisson sampling of a mechanism of which only the Rényi curve e(.) is known (Zhu, Wang 2019, "Poisson subsampled Rényi
 * differential privacy", theorem 5), for integer orders a:
 *
 * e^((a - 1) RDP(a)) <= (1 - q)^(a - 1) (a q - q + 1) + C(a, 2) q^2 (1 - q)^(a - 2) e^(e(2))
 *                       + 3 sum over l >= 3 of C(a, l) (1 - q)^(a - l) q^l e^((l - 1) e(l)),
 *
 * and never more than e(a). The factor 3 stays: dropping it (theorem 6) needs a property that has been proved neither for
 * Skellam noise nor for sums of discrete Gaussians. Summed as the excess over 1, in which every term is positive.
 */
export function poissonSampledCurve(rate: number, base: RenyiCurve): RenyiCurve {
  if (rate === 0) return () => 0;
  if (rate === 1) return base;
  const logRate = Math.log(rate);
  const logRest = Math.log1p(-rate);
  const amplified = throughIntegers((order) => {
    let logExcess = -Infinity;
    for (let l = 2; l <= order; l += 1) {
      const weight = logBinomial(order, l) + (order - l) * logRest + l * logRate;
      const moment = (l - 1) * base(l) + (l === 2 ? 0 : Math.log(3));
      logExcess = logAddExp(logExcess, weight + logExpm1(moment));
    }
    return logAddExp(0, logExcess) / (order - 1);
  });
  return (order) => Math.min(amplified(order), base(order));
}
