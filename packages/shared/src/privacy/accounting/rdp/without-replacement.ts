import { logAddExp, logBinomial, logExpm1 } from '../numeric.js';
import { throughIntegers, type RenyiCurve } from './renyi-curve.js';

/** Above this order only the simple branch of the bound is used. */
const LARGEST_TIGHT_ORDER = 256;

/**
 * Sampling without replacement, neighbours differing in one replaced unit (Wang, Balle, Kasiviswanathan 2019,
 * arXiv 1808.00087, theorem 9), for integer orders a and a base curve e(.):
 *
 * e^((a - 1) RDP(a)) <= 1 + q^2 C(a, 2) min{4 (e^(e(2)) - 1), 2 e^(e(2))} + sum over j >= 3 of q^j C(a, j) t_j
 *
 * with t_j = 2 e^((j - 1) e(j)), and for the Gaussian (theorem 27) the smaller of that and
 * 4 sqrt(B(2 floor(j/2)) B(2 ceil(j/2))).
 *
 * @param rate - sample size over population size
 * @param base - curve of the mechanism without sampling, under `replace-one`
 * @param deviation - for the Gaussian: standard deviation over the `replace-one` sensitivity
 */
export function withoutReplacementCurve(rate: number, base: RenyiCurve, deviation?: number): RenyiCurve {
  if (rate === 0) return () => 0;
  if (rate === 1) return base;
  const logRate = Math.log(rate);
  const logDifference = deviation === undefined ? undefined : logEvenDifferences(deviation);
  const amplified = throughIntegers((order) => {
    const second = base(2);
    let logExcess =
      2 * logRate + logBinomial(order, 2) + Math.min(Math.log(4) + logExpm1(second), Math.LN2 + second);
    for (let j = 3; j <= order; j += 1) {
      let term = Math.LN2 + (j - 1) * base(j);
      if (logDifference && order <= LARGEST_TIGHT_ORDER) {
        const below = logDifference(2 * Math.floor(j / 2));
        const above = logDifference(2 * Math.ceil(j / 2));
        term = Math.min(term, Math.log(4) + (below + above) / 2);
      }
      logExcess = logAddExp(logExcess, j * logRate + logBinomial(order, j) + term);
    }
    return logAddExp(0, logExcess) / (order - 1);
  });
  return (order) => Math.min(amplified(order), base(order));
}

/**
 * ln B(l) for even l, where B(l) is the l-th forward difference at 0 of k -> e^(k (k - 1) / (2 s^2)).
 *
 * The function is the k-th moment of the likelihood ratio e^L, L = (2x - 1) / (2 s^2), x normal with deviation s; so its
 * difference is E[(e^L - 1)^l]. Taken as an integral of a positive function it keeps every digit, where the alternating
 * sum that defines it cancels to nothing.
 */
function logEvenDifferences(deviation: number): (l: number) => number {
  const step = Math.min(deviation / 24, 0.08 * Math.PI * deviation ** 2);
  const known = new Map<number, number>();
  const logNormaliser = Math.log(deviation) + 0.5 * Math.log(2 * Math.PI);
  return (l) => {
    const before = known.get(l);
    if (before !== undefined) return before;
    const points = Math.ceil((l + 28 * deviation) / step);
    let peak = -Infinity;
    const logs = new Float64Array(points);
    for (let k = 0; k < points; k += 1) {
      const x = -14 * deviation + k * step;
      const loss = (2 * x - 1) / (2 * deviation ** 2);
      const logBase = loss > 0 ? logExpm1(loss) : Math.log(-Math.expm1(loss));
      logs[k] = l * logBase - x ** 2 / (2 * deviation ** 2) - logNormaliser;
      peak = Math.max(peak, logs[k] ?? peak);
    }
    let sum = 0;
    for (const log of logs) sum += Math.exp(log - peak);
    const value = peak + Math.log(sum * step);
    known.set(l, value);
    return value;
  };
}
