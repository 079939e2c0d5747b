import { deltaOf, epsilonOf, rdpOf } from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import { poissonGaussianCurve } from '../../../../packages/shared/src/privacy/accounting/rdp/poisson-gaussian.js';
import {
  poissonSampledCurve,
  poissonSampledSymmetricCurve,
} from '../../../../packages/shared/src/privacy/accounting/rdp/poisson-sampling.js';
import { ddgauss, gaussian, sampled, skellam, times } from './event-makers.js';

/** Masses on the integers from -reach to reach. */
type Law = Float64Array<ArrayBuffer>;

function convolve(a: Law, b: Law): Law {
  const result = new Float64Array(a.length + b.length - 1);
  a.forEach((x, i) => b.forEach((y, j) => (result[i + j] = result[i + j]! + x * y)));
  return result;
}

function discreteGaussian(variance: number, reach: number): Law {
  const law = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * variance)),
  );
  const total = law.reduce((sum, mass) => sum + mass, 0);
  return law.map((mass) => mass / total);
}

/** ln of the masses of a sum of discrete Gaussians: at high orders it is masses far below e^-700 that count. */
function logSumOfDiscreteGaussians(variance: number, shares: number, reach: number): Law {
  const logPeak = Math.log(discreteGaussian(variance, reach)[reach]!);
  const one = Float64Array.from(
    { length: 2 * reach + 1 },
    (_, i) => logPeak - (i - reach) ** 2 / (2 * variance),
  );
  let sum = one;
  for (let k = 1; k < shares; k += 1) sum = logConvolve(sum, one);
  return sum;
}

function logConvolve(a: Law, b: Law): Law {
  return Float64Array.from({ length: a.length + b.length - 1 }, (_, at) => {
    const from = Math.max(0, at - b.length + 1);
    const to = Math.min(a.length - 1, at);
    let peak = -Infinity;
    for (let i = from; i <= to; i += 1) peak = Math.max(peak, a[i]! + b[at - i]!);
    let sum = 0;
    for (let i = from; i <= to; i += 1) sum += Math.exp(a[i]! + b[at - i]! - peak);
    return peak + Math.log(sum);
  });
}

/** The difference of two Poisson variables of mean variance / 2. */
function skellamLaw(variance: number): Law {
  const length = Math.ceil(variance / 2 + 14 * Math.sqrt(variance)) + 40;
  const poisson = new Float64Array(length);
  let log = -variance / 2;
  for (let k = 0; k < length; k += 1) {
    poisson[k] = Math.exp(log);
    log += Math.log(variance / 2) - Math.log(k + 1);
  }
  return convolve(poisson, poisson.slice().reverse());
}

/** The Rényi divergence of a law and its shift, of which ln is given, over the `reach` outcomes to each side of the centre. */
function renyiDivergence(logLaw: Law, shift: number, order: number, reach: number): number {
  const centre = (logLaw.length - 1) / 2;
  const terms: number[] = [];
  for (let i = Math.max(shift, centre - reach); i <= Math.min(logLaw.length - 1, centre + reach); i += 1) {
    const [p, q] = [logLaw[i - shift]!, logLaw[i]!];
    if (p > -Infinity && q > -Infinity) terms.push(order * p + (1 - order) * q);
  }
  const peak = Math.max(...terms);
  return (peak + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - peak), 0))) / (order - 1);
}

const ORDERS = [1.1, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 16];
const SHIFTS = [[1], [2], [3], [1, 1], [2, 1], [3, 2, 1]];

describe('bounds lie above exact convolutions', () => {
  test.each([2, 5, 20, 100, 400])('Skellam of variance %d', (variance) => {
    const law = skellamLaw(variance).map((mass) => (mass > 1e-280 ? Math.log(mass) : -Infinity));
    let closest = 0;
    for (const shift of SHIFTS) {
      const l2 = Math.hypot(...shift);
      const l1 = shift.reduce((sum, step) => sum + step, 0);
      const bound = rdpOf(skellam(variance, l2, l1, shift.length), ORDERS);
      ORDERS.forEach((order, index) => {
        // Coordinates are independent: their divergences add.
        const exact = shift.reduce((sum, step) => sum + renyiDivergence(law, step, order, law.length), 0);
        closest = Math.max(closest, exact / bound[index]!);
        expect(exact).toBeLessThanOrEqual(bound[index]! * (1 + 1e-9));
      });
    }
    // A bound far above would pass as well; this one is close somewhere.
    expect(closest).toBeGreaterThan(0.45);
  });

  test.each([
    [0.25, 2],
    [0.25, 6],
    [0.5, 3],
    [1, 4],
    [4, 3],
    [9, 5],
  ])('sum of discrete Gaussians of variance %d, %i of them', (variance, shares) => {
    const reach = 60 + Math.ceil(10 * Math.sqrt(variance * shares));
    const law = logSumOfDiscreteGaussians(variance, shares, reach);
    for (const shift of SHIFTS) {
      const l2 = Math.hypot(...shift);
      const l1 = shift.reduce((sum, step) => sum + step, 0);
      const bound = rdpOf(ddgauss(variance, shares, l2, l1, shift.length), ORDERS);
      ORDERS.forEach((order, index) => {
        const exact = shift.reduce((sum, step) => sum + renyiDivergence(law, step, order, reach), 0);
        expect(exact).toBeLessThanOrEqual(bound[index]! * (1 + 1e-9));
        if (variance >= 9) expect(exact).toBeGreaterThan(bound[index]! * 0.99);
      });
    }
  });

  test('tau never vanishes where it counts: without it the bound for small noise would be broken', () => {
    const exact = renyiDivergence(logSumOfDiscreteGaussians(0.25, 2, 80), 1, 16, 80);
    expect(exact).toBeGreaterThan((16 * 1) / (2 * 2 * 0.25));
    expect(exact).toBeLessThanOrEqual(rdpOf(ddgauss(0.25, 2, 1, 1, 1), [16])[0]!);
  });
});

describe('sampling in front of symmetric noise, against exact sums', () => {
  const logAdd = (a: number, b: number): number => {
    const peak = Math.max(a, b);
    return peak === -Infinity ? peak : peak + Math.log(Math.exp(a - peak) + Math.exp(b - peak));
  };

  /** ln E_Q[(P / Q)^order] / (order - 1) over all the outcomes that count, P and Q by their logarithms. */
  function divergence(logP: Law, logQ: Law, order: number): number {
    let sum = -Infinity;
    for (let i = 0; i < logP.length; i += 1) sum = logAdd(sum, order * logP[i]! + (1 - order) * logQ[i]!);
    return sum / (order - 1);
  }

  /** The law without the unit and the mixture with it, in one or two coordinates, over outcomes that both laws can show. */
  function pair(logLaw: Law, shifts: readonly number[], rate: number): [without: Law, mixed: Law] {
    const edge = Math.max(...shifts);
    const indices = Array.from({ length: logLaw.length - edge }, (_, i) => i + edge);
    let still = Float64Array.of(0);
    let moved = Float64Array.of(0);
    for (const shift of shifts) {
      const grown = (law: Law, by: number): Law =>
        Float64Array.from([...law].flatMap((mass) => indices.map((i) => mass + logLaw[i - by]!)));
      [still, moved] = [grown(still, 0), grown(moved, shift)];
    }
    return [
      still,
      Float64Array.from(still, (mass, i) => logAdd(Math.log1p(-rate) + mass, Math.log(rate) + moved[i]!)),
    ];
  }

  const positive = (law: Law): Law => law.map((mass) => (mass > 1e-290 ? Math.log(mass) : -800));
  const laws: readonly (readonly [name: string, law: Law])[] = [
    ['a discrete Gaussian of variance 0.3', logSumOfDiscreteGaussians(0.3, 1, 25)],
    ['a discrete Gaussian of variance 2', logSumOfDiscreteGaussians(2, 1, 60)],
    ['three discrete Gaussians of variance 0.5', logSumOfDiscreteGaussians(0.5, 3, 25)],
    ['Skellam noise of variance 1', positive(skellamLaw(1))],
    ['Skellam noise of variance 9', positive(skellamLaw(9))],
  ];

  test.each(laws)(
    '%s: both neighbours stay below the bound, and the unit that came is the worse',
    (_name, law) => {
      let closest = 0;
      for (const shifts of [[1], [3], [1, 2]]) {
        for (const rate of [0.01, 0.1, 0.5, 0.9]) {
          const [without, mixed] = pair(law, shifts, rate);
          const [, whole] = pair(law, shifts, 1 - 1e-15);
          const bound = poissonSampledSymmetricCurve(rate, (order) => divergence(whole, without, order));
          for (const order of [2, 3, 4, 7]) {
            const came = divergence(mixed, without, order);
            const left = divergence(without, mixed, order);
            expect(left).toBeLessThanOrEqual(came * (1 + 1e-9) + 1e-15);
            expect(came).toBeLessThanOrEqual(bound(order) * (1 + 1e-9) + 1e-15);
            closest = Math.max(closest, came / bound(order));
          }
        }
      }
      // With the true moments underneath, nothing is left between the bound and the truth.
      expect(closest).toBeGreaterThan(1 - 1e-6);
    },
  );

  test('noise that leans has the other neighbour as the worse one, so that symmetry is needed', () => {
    const leaning = positive(Float64Array.from({ length: 60 }, (_, i) => 0.7 * 0.3 ** i));
    const reversed = leaning.slice().reverse();
    const worse = [leaning, reversed].some((law) => {
      const [without, mixed] = pair(law, [1], 0.5);
      return divergence(without, mixed, 8) > divergence(mixed, without, 8) * 1.01;
    });
    expect(worse).toBe(true);
  });

  test('the accountant takes it for one release of added noise, and for nothing else', () => {
    const noise = skellam(9, 1, 1);
    const curve = rdpOf(sampled(0.1, noise), [8])[0]!;
    expect(curve).toBe(poissonSampledSymmetricCurve(0.1, (order) => rdpOf(noise, [order])[0]!)(8));
    const twice = rdpOf(sampled(0.1, times(2, noise)), [8])[0]!;
    expect(twice).toBe(poissonSampledCurve(0.1, (order) => rdpOf(times(2, noise), [order])[0]!)(8));
  });
});

describe('privacy loss distributions against enumeration', () => {
  /** delta(epsilon) of `count` uses of a law and its shift, over all outcomes. */
  function enumeratedDelta(law: Law, shift: number, count: number, epsilon: number): number {
    let losses = new Map<number, { p: number; q: number }>([[0, { p: 1, q: 1 }]]);
    for (let step = 0; step < count; step += 1) {
      const next = new Map<number, { p: number; q: number }>();
      for (const { p, q } of losses.values()) {
        for (let i = 0; i < law.length + shift; i += 1) {
          const jointP = p * (law[i - shift] ?? 0);
          const jointQ = q * (law[i] ?? 0);
          if (jointP < 1e-40) continue;
          const loss = Math.log(jointP / jointQ);
          // Outcomes with equal losses may be merged.
          const key = Math.round(loss * 1e9);
          const known = next.get(key);
          if (known) {
            known.p += jointP;
            known.q += jointQ;
          } else next.set(key, { p: jointP, q: jointQ });
        }
      }
      losses = next;
    }
    let delta = 0;
    for (const { p, q } of losses.values()) delta += Math.max(0, p - Math.exp(epsilon) * q);
    return delta;
  }

  test.each([
    [1, 4, 1],
    [1, 4, 3],
    [2, 9, 4],
  ])('discrete Gaussian, shift %i, variance %d, %i uses', (shift, variance, count) => {
    const law = discreteGaussian(variance, 60);
    const event = times(count, ddgauss(variance, 1, shift, shift, 1));
    for (const epsilon of [0.1, 1, 2.5, 5]) {
      const exact = enumeratedDelta(law, shift, count, epsilon);
      const shown = deltaOf(event, { epsilon, accountant: 'pld' });
      expect(shown).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      expect(shown).toBeLessThanOrEqual(exact * 1.002 + 1e-15);
    }
  });

  test.each([
    [3, 1, 1],
    [10, 2, 3],
  ])('Skellam of variance %d, shift %i, %i uses', (variance, shift, count) => {
    const event = times(count, skellam(variance, shift, shift));
    for (const epsilon of [0.2, 1, 3]) {
      const exact = enumeratedDelta(skellamLaw(variance), shift, count, epsilon);
      const shown = deltaOf(event, { epsilon, accountant: 'pld' });
      expect(shown).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      expect(shown).toBeLessThanOrEqual(exact * 1.002 + 1e-15);
    }
  });

  test.each([
    [0.1, 1, 0.5],
    [0.3, 0.7, 1],
    [0.01, 0.8, 0.1],
  ])('two steps of a sampled Gaussian, q = %d, z = %d, at epsilon = %d', (rate, z, epsilon) => {
    const shown = deltaOf(times(2, sampled(rate, gaussian(z))), { epsilon, accountant: 'pld' });
    const exact = Math.max(twoSteps(rate, z, epsilon, 'removed'), twoSteps(rate, z, epsilon, 'added'));
    expect(shown / exact).toBeGreaterThan(1 - 1e-4);
    expect(shown / exact).toBeLessThan(1 + 1e-3);
  });

  /** delta of two steps by the midpoint rule over both outcomes. */
  function twoSteps(rate: number, z: number, epsilon: number, direction: 'removed' | 'added'): number {
    const step = z / 80;
    const points = Math.ceil((1 + 16 * z) / step);
    const without = new Float64Array(points);
    const mixed = new Float64Array(points);
    const density = (x: number): number => Math.exp(-(x * x) / (2 * z * z)) / (z * Math.sqrt(2 * Math.PI));
    for (let i = 0; i < points; i += 1) {
      const x = -8 * z + (i + 0.5) * step;
      without[i] = density(x);
      mixed[i] = (1 - rate) * density(x) + rate * density(x - 1);
    }
    const [p, q] = direction === 'removed' ? [mixed, without] : [without, mixed];
    let sum = 0;
    for (let i = 0; i < points; i += 1) {
      for (let j = 0; j < points; j += 1)
        sum += Math.max(0, p[i]! * p[j]! - Math.exp(epsilon) * q[i]! * q[j]!);
    }
    return sum * step * step;
  }
});

describe('Rényi curves against slow versions', () => {
  /** The moment of the sampled Gaussian by Simpson's rule in x, straight from its definition. */
  function slowPoissonGaussian(rate: number, z: number, order: number): number {
    const low = -12 * z;
    const high = order + 12 * z;
    const intervals = 200_000;
    const step = (high - low) / intervals;
    let sum = 0;
    for (let i = 0; i <= intervals; i += 1) {
      const x = low + i * step;
      const weight = i === 0 || i === intervals ? 1 : i % 2 === 1 ? 4 : 2;
      const logRatio = Math.log(1 - rate + rate * Math.exp((2 * x - 1) / (2 * z * z)));
      sum += (weight * Math.exp(order * logRatio - (x * x) / (2 * z * z))) / (z * Math.sqrt(2 * Math.PI));
    }
    return Math.log((sum * step) / 3) / (order - 1);
  }

  test.each([
    [0.1, 1],
    [0.5, 2],
    [0.9, 0.7],
    [0.02, 0.5],
  ])('sampled Gaussian, q = %d, z = %d', (rate, z) => {
    const curve = poissonGaussianCurve(rate, z);
    for (const order of [1.1, 1.7, 2, 3.3, 5, 7.9, 12, 13.5]) {
      expect(Math.abs(curve(order) / slowPoissonGaussian(rate, z, order) - 1)).toBeLessThan(1e-8);
    }
  });

  test('sampled Gaussian at q = 1 and q = 0 is none', () => {
    expect(poissonGaussianCurve(1, 2)(3)).toBe(3 / 8);
    expect(poissonGaussianCurve(0, 2)(3)).toBe(0);
    expect(poissonGaussianCurve(0.5, 0)(3)).toBe(Infinity);
  });

  test('the general amplification lies between the Gaussian one and none', () => {
    for (const rate of [0.001, 0.03, 0.3]) {
      for (const z of [0.8, 2, 8]) {
        const base = (order: number): number => order / (2 * z * z);
        const general = poissonSampledCurve(rate, base);
        for (const order of [1.5, 2, 3, 8, 8.5, 32]) {
          const exact = poissonGaussianCurve(rate, z)(order);
          expect(general(order)).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(general(order)).toBeLessThanOrEqual(base(order));
        }
        // At order 2 there is no factor 3 to pay.
        expect(Math.abs(general(2) / poissonGaussianCurve(rate, z)(2) - 1)).toBeLessThan(1e-9);
      }
    }
  });

  test('Laplace is its own integral', () => {
    const b = 1.7;
    for (const order of [1.2, 2, 6.5]) {
      let sum = 0;
      const step = 1e-4;
      for (let x = -60; x < 61; x += step) {
        const p = Math.exp(-Math.abs(x - 1 + step / 2) / b) / (2 * b);
        const q = Math.exp(-Math.abs(x + step / 2) / b) / (2 * b);
        sum += p ** order * q ** (1 - order) * step;
      }
      const shown = rdpOf({ kind: 'laplace', noiseScale: b, relation: 'zero-out', unit: 'client' }, [
        order,
      ])[0]!;
      expect(shown).toBeCloseTo(Math.log(sum) / (order - 1), 6);
    }
  });

  test('a bound at every order gives an epsilon that the exact curve keeps', () => {
    // Discrete Gaussian noise at variance 9: RDP, then the exact one-dimensional curve.
    const event = times(10, ddgauss(9, 1, 1, 1, 1));
    expect(epsilonOf(event, { delta: 1e-6 })).toBeGreaterThan(
      epsilonOf(event, { delta: 1e-6, accountant: 'pld' }),
    );
  });
});
