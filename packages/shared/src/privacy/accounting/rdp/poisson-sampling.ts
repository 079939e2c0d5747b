import { logAddExp, logBinomial, logExpm1 } from '../numeric.js';
import { throughIntegers, type RenyiCurve } from './renyi-curve.js';

/**
 * Poisson sampling of a mechanism of which only the Rényi curve e(.) is known (Zhu, Wang 2019, "Poisson subsampled Rényi
 * differential privacy", theorem 5), for integer orders a:
 *
 * e^((a - 1) RDP(a)) <= (1 - q)^(a - 1) (a q - q + 1) + C(a, 2) q^2 (1 - q)^(a - 2) e^(e(2))
 *                       + 3 sum over l >= 3 of C(a, l) (1 - q)^(a - l) q^l e^((l - 1) e(l)),
 *
 * and never more than e(a). Summed as the excess over 1, in which every term is positive.
 */
export function poissonSampledCurve(rate: number, base: RenyiCurve): RenyiCurve {
  return amplified(rate, base, 3);
}

/**
 * The same without the factor 3, for noise that is added and whose law is symmetric about 0: the Laplace, discrete Gaussian and Skellam laws, and sums of them.
 *
 * Fix who else is sampled, which the joint convexity of e^((a - 1) D_a) allows: the outputs P without the unit and Q with it are the same noise, moved. The reflection about the middle between
 * them takes P to Q and Q to P, so that of D_a((1 - q) P + q Q || P) and D_a(P || (1 - q) P + q Q) the first is never the smaller (Mironov, Talwar, Zhang 2019, arXiv 1908.10530,
 * theorem 5; it is stated there for densities, and holds for whole numbers by the same sums: `docs/privacy.md`, Sampling in front of symmetric noise). The first is, at integer orders, exactly
 *
 * e^((a - 1) D_a) = sum over l of C(a, l) (1 - q)^(a - l) q^l E_P[(Q / P)^l], and E_P[(Q / P)^l] <= e^((l - 1) e(l)).
 */
export function poissonSampledSymmetricCurve(rate: number, base: RenyiCurve): RenyiCurve {
  return amplified(rate, base, 1);
}

/** @param factor - on the moments of order 3 and more */
function amplified(rate: number, base: RenyiCurve, factor: 1 | 3): RenyiCurve {
  if (rate === 0) return () => 0;
  if (rate === 1) return base;
  const logRate = Math.log(rate);
  const logRest = Math.log1p(-rate);
  const atIntegers = throughIntegers((order) => {
    let logExcess = -Infinity;
    for (let l = 2; l <= order; l += 1) {
      const weight = logBinomial(order, l) + (order - l) * logRest + l * logRate;
      const moment = (l - 1) * base(l) + (l === 2 ? 0 : Math.log(factor));
      logExcess = logAddExp(logExcess, weight + logExpm1(moment));
    }
    return logAddExp(0, logExcess) / (order - 1);
  });
  return (order) => Math.min(atIntegers(order), base(order));
}
