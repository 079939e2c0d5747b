import type { RandomSource } from '@tutti/shared/crypto';
import type { Rational } from '@tutti/shared/privacy';

/** Slow and obviously right: probabilities of the noise laws by their definitions, in fixed point with 420 fractional bits. */
const BITS = 420n;
const ONE = 1n << BITS;

/** exp(-x), by halving x until it is small, the Taylor series, and squaring back. */
function exponentialOfMinus(numerator: bigint, denominator: bigint): bigint {
  let halvings = 0n;
  while (numerator > denominator << halvings) halvings++;
  const x = (numerator * ONE) / (denominator << halvings);
  let sum = 0n;
  let term = ONE;
  for (let k = 1n; term !== 0n; k++) {
    sum += term;
    term = (-term * x) / (ONE * k);
  }
  for (; halvings > 0n; halvings--) sum = (sum * sum) / ONE;
  return sum;
}

/** P(|X| = m) for m = 0 .. largest under the discrete Gaussian cut off beyond `largest`, as `bits`-bit fractions of one. */
export function discreteGaussianLaw({ numerator, denominator }: Rational, largest: number): bigint[] {
  const weights = Array.from({ length: largest + 1 }, (_, m) =>
    exponentialOfMinus(BigInt(m) ** 2n * denominator, 2n * numerator),
  );
  return normalised(weights);
}

/** The same for Skellam: exp(-v) I_m(v) by the power series sum_j (v/2)^(2j+m) / (j! (j+m)!). */
export function skellamLaw({ numerator, denominator }: Rational, largest: number): bigint[] {
  const half = (numerator * ONE) / (2n * denominator);
  const weights = Array.from({ length: largest + 1 }, (_, m) => {
    let term = ONE;
    for (let k = 1n; k <= BigInt(m); k++) term = (term * half) / (ONE * k);
    let sum = 0n;
    for (let j = 1n; term !== 0n; j++) {
      sum += term;
      term = (((term * half) / ONE) * half) / (ONE * j * (j + BigInt(m)));
    }
    return sum;
  });
  return normalised(weights);
}

function normalised(weights: readonly bigint[]): bigint[] {
  const masses = weights.map((weight, m) => (m === 0 ? weight : 2n * weight));
  const total = masses.reduce((sum, mass) => sum + mass, 0n);
  return masses.map((mass) => (mass * ONE) / total);
}

/** P(|X| <= m) as 127-bit fractions, rounded down. */
export function cumulative127(law: readonly bigint[]): bigint[] {
  let sum = 0n;
  return law.map((mass) => (sum += mass) >> (BITS - 127n));
}

export const asNumber = (mass: bigint): number => Number(mass >> (BITS - 60n)) / 2 ** 60;

/** A source that yields these 32-bit words, then zeros. */
export function scripted(words: readonly number[]): RandomSource {
  let next = 0;
  return {
    kind: 'seeded',
    fill(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0; at + 4 <= bytes.length; at += 4) view.setUint32(at, words[next++] ?? 0, true);
      return bytes;
    },
  };
}

/** How many standard deviations a chi-square statistic is from its mean (Wilson and Hilferty 1931). */
export function chiSquareDeviations(statistic: number, degrees: number): number {
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(statistic / degrees) - (1 - spread)) / Math.sqrt(spread);
}

/** Chi-square of signed draws against a law of magnitudes; values expected fewer than 20 times share one bin. */
export function chiSquare(draws: readonly number[], law: readonly bigint[]): number {
  const counts = new Map<number, number>();
  for (const draw of draws) counts.set(draw, (counts.get(draw) ?? 0) + 1);
  let statistic = 0;
  let bins = 0;
  let restCount = draws.length;
  let restExpected = draws.length;
  for (let magnitude = 0; magnitude < law.length; magnitude++) {
    const mass = asNumber(law[magnitude] as bigint);
    for (const value of magnitude === 0 ? [0] : [-magnitude, magnitude]) {
      const expected = (draws.length * mass) / (magnitude === 0 ? 1 : 2);
      if (expected < 20) continue;
      const count = counts.get(value) ?? 0;
      statistic += (count - expected) ** 2 / expected;
      restCount -= count;
      restExpected -= expected;
      bins++;
    }
  }
  if (restExpected > 1) {
    statistic += (restCount - restExpected) ** 2 / restExpected;
    bins++;
  }
  return chiSquareDeviations(statistic, bins - 1);
}

/** Mean, variance and excess kurtosis. */
export function moments(draws: readonly number[]): { mean: number; variance: number; kurtosis: number } {
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  let second = 0;
  let fourth = 0;
  for (const draw of draws) {
    const square = (draw - mean) ** 2;
    second += square;
    fourth += square * square;
  }
  const variance = second / draws.length;
  return { mean, variance, kurtosis: fourth / draws.length / variance ** 2 - 3 };
}
