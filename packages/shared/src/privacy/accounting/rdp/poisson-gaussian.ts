import { logAddExp, logBinomial, logExpm1 } from '../numeric.js';
import type { RenyiCurve } from './renyi-curve.js';
import { throughIntegers } from './renyi-curve.js';

/** Below this deviation the quadrature takes too many points; the chord between integers is then close enough. */
const LEAST_DEVIATION = 0.05;

/** Orders up to this one share one grid. */
const SHARED_ORDER = 11;

/**
 * The Poisson-sampled Gaussian (Mironov, Talwar, Zhang 2019, arXiv 1908.10530, section 3.3):
 * (a - 1) RDP(a) = ln E[((1 - q) + q e^((2x - 1) / (2 s^2)))^a] for x normal with deviation s.
 *
 * Integer orders by the finite binomial sum; all others by the trapezoid rule, whose error vanishes exponentially because
 * the integrand is analytic. Relative error below 1e-8.
 *
 * @param rate - probability q of entering the sample
 * @param deviation - standard deviation s over sensitivity
 */
export function poissonGaussianCurve(rate: number, deviation: number): RenyiCurve {
  if (rate === 0) return () => 0;
  if (deviation === 0) return () => Infinity;
  if (rate === 1) return (order) => order / (2 * deviation ** 2);
  const atInteger = (order: number): number => integerOrder(rate, deviation, order);
  if (deviation < LEAST_DEVIATION) return throughIntegers(atInteger);
  let shared: Grid | undefined;
  return (order) => {
    if (Number.isInteger(order)) return atInteger(order);
    if (order > SHARED_ORDER) return fractionalOrder(gridFor(rate, deviation, order), order);
    shared ??= gridFor(rate, deviation, SHARED_ORDER);
    return fractionalOrder(shared, order);
  };
}

/**
 * A - 1 = sum over i >= 2 of C(a, i) (1 - q)^(a - i) q^i (e^(i (i - 1) / (2 s^2)) - 1): the terms 0 and 1 vanish, the
 * others are positive, so that nothing cancels however small q is.
 */
function integerOrder(rate: number, deviation: number, order: number): number {
  const logRate = Math.log(rate);
  const logRest = Math.log1p(-rate);
  let logExcess = -Infinity;
  for (let i = 2; i <= order; i += 1) {
    const weight = logBinomial(order, i) + (order - i) * logRest + i * logRate;
    logExcess = logAddExp(logExcess, weight + logExpm1((i * (i - 1)) / (2 * deviation ** 2)));
  }
  return logAddExp(0, logExcess) / (order - 1);
}

interface Grid {
  readonly step: number;
  /** ln of the normal density. */
  readonly logDensity: Float64Array;
  /** u = q (e^L - 1), the relative excess of the mixture over the normal density; infinite where it overflows. */
  readonly excess: Float64Array;
  /** ln(1 + u). */
  readonly logRatio: Float64Array;
}

function gridFor(rate: number, deviation: number, order: number): Grid {
  const step = Math.min(deviation / 24, 0.08 * Math.PI * deviation ** 2);
  const start = -14 * deviation;
  const points = Math.ceil((order + 28 * deviation) / step) + 1;
  const logDensity = new Float64Array(points);
  const excess = new Float64Array(points);
  const logRatio = new Float64Array(points);
  const logNormaliser = Math.log(deviation) + 0.5 * Math.log(2 * Math.PI);
  for (let k = 0; k < points; k += 1) {
    const x = start + k * step;
    const loss = (2 * x - 1) / (2 * deviation ** 2);
    logDensity[k] = -(x ** 2) / (2 * deviation ** 2) - logNormaliser;
    const u = rate * Math.expm1(loss);
    excess[k] = u;
    logRatio[k] = u < 1 ? Math.log1p(u) : logAddExp(Math.log1p(-rate), Math.log(rate) + loss);
  }
  return { step, logDensity, excess, logRatio };
}

function fractionalOrder({ step, logDensity, excess, logRatio }: Grid, order: number): number {
  let peak = -Infinity;
  for (let k = 0; k < logDensity.length; k += 1) {
    peak = Math.max(peak, (logDensity[k] ?? 0) + order * (logRatio[k] ?? 0));
  }
  let sum = 0;
  for (let k = 0; k < logDensity.length; k += 1) {
    sum += Math.exp((logDensity[k] ?? 0) + order * (logRatio[k] ?? 0) - peak);
  }
  const logMoment = peak + Math.log(sum * step);
  if (logMoment > 0.1) return logMoment / (order - 1);

  // The moment is 1 + a little: because E[u] = 0, that little is E[(1 + u)^a - 1 - a u], whose terms do not cancel.
  let little = 0;
  for (let k = 0; k < logDensity.length; k += 1) {
    little += excessTerm(logDensity[k] ?? 0, excess[k] ?? 0, logRatio[k] ?? 0, order);
  }
  return Math.log1p(step * little) / (order - 1);
}

/** density * ((1 + u)^a - 1 - a u) */
function excessTerm(logDensity: number, u: number, logRatio: number, order: number): number {
  if (Math.abs(u) < 1e-3) {
    const c2 = (order * (order - 1)) / 2;
    const c3 = (c2 * (order - 2)) / 3;
    const c4 = (c3 * (order - 3)) / 4;
    const c5 = (c4 * (order - 4)) / 5;
    const c6 = (c5 * (order - 5)) / 6;
    return Math.exp(logDensity) * u * u * (c2 + u * (c3 + u * (c4 + u * (c5 + u * c6))));
  }
  const power = order * logRatio;
  if (Math.abs(power) < 1) return Math.exp(logDensity) * (Math.expm1(power) - order * u);
  // The density goes into the exponent before either factor can overflow.
  return (
    Math.exp(logDensity + power) - Math.exp(logDensity) - order * densityTimesExcess(logDensity, u, logRatio)
  );
}

function densityTimesExcess(logDensity: number, u: number, logRatio: number): number {
  return u < 1 ? Math.exp(logDensity) * u : Math.exp(logDensity + logRatio) - Math.exp(logDensity);
}
