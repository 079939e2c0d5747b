import { Refusal } from '../../../errors.js';
import type { DistributedDiscreteGaussianEvent, SkellamEvent } from '../events.js';
import { throughIntegers, type RenyiCurve } from './renyi-curve.js';

/**
 * The Laplace mechanism (Mironov 2017, arXiv 1702.07476, proposition 6).
 *
 * @param scale - scale over L1 sensitivity
 */
export function laplaceCurve(scale: number): RenyiCurve {
  if (scale === 0) return () => Infinity;
  const e = 1 / scale;
  return (order) =>
    e + Math.log1p(((order - 1) * Math.expm1((1 - 2 * order) * e)) / (2 * order - 1)) / (order - 1);
}

/**
 * The Skellam mechanism (Agarwal, Kairouz, Liu 2021, arXiv 2110.04995, corollary 3.6), with variance mu and integer
 * sensitivities D2 and D1, at integer orders:
 *
 * RDP(a) <= a D2^2 / (2 mu) + min{((2a - 1) D2^2 + 6 D1) / (4 mu^2), 3 D1 / (2 mu)}
 */
export function skellamCurve({ variance, l2Sensitivity, l1Sensitivity }: SkellamEvent): RenyiCurve {
  if (l2Sensitivity === 0) return () => 0;
  if (variance === 0) return () => Infinity;
  const square = l2Sensitivity ** 2;
  return throughIntegers(
    (order) =>
      (order * square) / (2 * variance) +
      Math.min(
        ((2 * order - 1) * square + 6 * l1Sensitivity) / (4 * variance ** 2),
        (3 * l1Sensitivity) / (2 * variance),
      ),
  );
}

/**
 * The distributed discrete Gaussian (Kairouz, Liu, Steinke 2021, arXiv 2102.06387, theorem 1), for every order: with
 * x2 = D2 / (sqrt(n) s), x1 = D1 / (sqrt(n) s) and tau from {@link discreteGaussianSumGap},
 *
 * RDP(a) <= min{a x2^2 / 2 + tau d, a / 2 (x2^2 + 2 x1 tau + tau^2 d), a / 2 (x2 + tau sqrt(d))^2}
 */
export function distributedDiscreteGaussianCurve(event: DistributedDiscreteGaussianEvent): RenyiCurve {
  const { dimension, localVariance, honestShares, l2Sensitivity, l1Sensitivity } = event;
  if (l2Sensitivity === 0) return () => 0;
  if (localVariance === 0) return () => Infinity;
  const tau = discreteGaussianSumGap(localVariance, honestShares);
  const deviation = Math.sqrt(honestShares * localVariance);
  const x2 = l2Sensitivity / deviation;
  const x1 = l1Sensitivity / deviation;
  const slope = Math.min(
    (x2 ** 2 + 2 * x1 * tau + tau ** 2 * dimension) / 2,
    (x2 + tau * Math.sqrt(dimension)) ** 2 / 2,
  );
  return (order) => Math.min((order * x2 ** 2) / 2 + tau * dimension, order * slope);
}

/**
 * tau = 10 sum over k = 1 .. n - 1 of e^(-2 pi^2 s^2 k / (k + 1)): a bound on how much a log-ratio of two shifts of a sum of
 * n discrete Gaussians moves, per coordinate, against the discrete Gaussian of the same variance (the same paper).
 *
 * @param localVariance - s^2 of each summand
 * @param shares - n; a fraction counts as a whole summand
 * @throws Refusal `privacy.unsupported-event` for several summands with s < 1/2, where the bound is not proved
 */
export function discreteGaussianSumGap(localVariance: number, shares: number): number {
  const summands = Math.ceil(shares);
  if (summands <= 1) return 0;
  if (localVariance < 0.25) {
    throw new Refusal(
      'privacy.unsupported-event',
      `A sum of discrete Gaussians with local deviation ${Math.sqrt(localVariance)} has no proved bound: at least 0.5 is needed.`,
      'Use a finer grid (a larger scale) or more noise per client.',
    );
  }
  const term = (k: number): number => Math.exp((-2 * Math.PI ** 2 * localVariance * k) / (k + 1));
  const added = Math.min(summands - 1, 100_000);
  // The terms fall with k: the last one added stands for each of the rest.
  let sum = (summands - 1 - added) * term(added);
  for (let k = 1; k <= added; k += 1) sum += term(k);
  return 10 * sum;
}
