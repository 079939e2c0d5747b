import { describe, expect, it } from 'vitest';
import {
  bufferedCoefficients,
  CorrelatedGaussian,
  epsilonOf,
  squareRootCoefficients,
  type Correlation,
  type CorrelatedGaussianOptions,
} from '@tutti/shared/privacy';
import { seededRandom } from '../../../support/seeded-random.js';

const ROUNDS = 12;
const DIMENSION = 4000;
const buffers = { weights: [0.3, 0.15], decays: [0.5, 0.9] };
const optionsFor = (correlation: Correlation): CorrelatedGaussianOptions => ({
  dimension: DIMENSION,
  clipNorm: 2,
  noiseMultiplier: 1.5,
  correlation,
  rounds: ROUNDS,
  minimumGap: ROUNDS,
  maximumParticipations: 1,
  relation: 'zero-out',
  unit: 'client',
});
const sumOf = (round: number) =>
  Float64Array.from({ length: DIMENSION }, (_, index) => Math.sin(round * index));
const meanProduct = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0) / a.length;

/** The noise of each round: what was released less what was put in. */
function noiseOf(correlation: Correlation, seed = 'correlated'): Float64Array[] {
  const mechanism = new CorrelatedGaussian(optionsFor(correlation));
  const random = seededRandom(seed);
  return Array.from({ length: ROUNDS }, (_, round) => {
    const sum = sumOf(round);
    return mechanism.add(sum, random).map((value, index) => value - sum[index]!);
  });
}

describe.each<[string, Correlation, number[]]>([
  ['no correlation', { kind: 'banded', coefficients: [1] }, [1]],
  ['four bands', { kind: 'banded', coefficients: squareRootCoefficients(4) }, squareRootCoefficients(4)],
  [
    'two buffers',
    { kind: 'buffered', ...buffers },
    bufferedCoefficients(buffers.weights, buffers.decays, ROUNDS),
  ],
])('noise with %s', (_what, correlation, coefficients) => {
  const noise = noiseOf(correlation);

  it('is C^-1 z: multiplied by C it is white, with the deviation that was asked for', () => {
    const white = noise.map((_, round) =>
      Float64Array.from({ length: DIMENSION }, (_value, index) =>
        coefficients.reduce((sum, c, age) => sum + (age <= round ? c * noise[round - age]![index]! : 0), 0),
      ),
    );
    for (const [round, values] of white.entries()) {
      expect(Math.abs(meanProduct(values, values) / 9 - 1)).toBeLessThan(4.5 * Math.sqrt(2 / DIMENSION));
      for (const before of white.slice(0, round)) {
        expect(Math.abs(meanProduct(values, before) / 9)).toBeLessThan(4.5 / Math.sqrt(DIMENSION));
      }
    }
  });
});

describe('correlated noise', () => {
  it('adds up to less over the rounds than fresh noise of the same cost', () => {
    const total = (noise: Float64Array[]) => {
      const sum = noise.reduce(
        (added, values) => added.map((value, index) => value + values[index]!),
        new Float64Array(DIMENSION),
      );
      return meanProduct(sum, sum);
    };
    const cost = (correlation: Correlation) =>
      epsilonOf(new CorrelatedGaussian(optionsFor(correlation)).event, { delta: 1e-5, accountant: 'rdp' });
    const banded: Correlation = { kind: 'banded', coefficients: squareRootCoefficients(ROUNDS) };
    const fresh: Correlation = { kind: 'banded', coefficients: [1] };
    const sensitivitySquared = squareRootCoefficients(ROUNDS).reduce((sum, c) => sum + c * c, 0);
    expect(total(noiseOf(banded)) * sensitivitySquared).toBeLessThan(0.6 * total(noiseOf(fresh)));
    expect(cost(banded)).toBeGreaterThan(cost(fresh));
  });

  it('is the same from buffers as from the coefficients that they stand for', () => {
    const written = noiseOf({
      kind: 'banded',
      coefficients: bufferedCoefficients(buffers.weights, buffers.decays, ROUNDS),
    });
    noiseOf({ kind: 'buffered', ...buffers }).forEach((values, round) => {
      values.forEach((value, index) => expect(Math.abs(value - written[round]![index]!)).toBeLessThan(1e-6));
    });
  });

  it('costs a little more than its noise multiplier says, for the grid', () => {
    const { event } = new CorrelatedGaussian(optionsFor({ kind: 'banded', coefficients: [1] }));
    expect(event.noiseMultiplier).toBeLessThan(1.5);
    expect(event.noiseMultiplier).toBeGreaterThan(1.5 * 0.9999);
  });

  it('ends with the rounds that it was planned for', () => {
    const mechanism = new CorrelatedGaussian({
      ...optionsFor({ kind: 'banded', coefficients: [1] }),
      dimension: 1,
      rounds: 2,
    });
    const random = seededRandom('end');
    mechanism.add(Float64Array.of(1), random);
    mechanism.add(Float64Array.of(1), random);
    expect(() => mechanism.add(Float64Array.of(1), random)).toThrow(
      expect.objectContaining({ code: 'privacy.rounds' }),
    );
  });

  it('refuses what it cannot noise', () => {
    const random = seededRandom('no');
    const mechanism = new CorrelatedGaussian({
      ...optionsFor({ kind: 'banded', coefficients: [1] }),
      dimension: 1,
    });
    expect(() => mechanism.add(Float64Array.of(NaN), random)).toThrow(
      expect.objectContaining({ code: 'privacy.not-finite' }),
    );
    expect(() => mechanism.add(new Float64Array(2), random)).toThrow(
      expect.objectContaining({ code: 'privacy.update-length' }),
    );
    for (const wrong of [{ noiseMultiplier: 0 }, { clipNorm: NaN }]) {
      expect(
        () => new CorrelatedGaussian({ ...optionsFor({ kind: 'banded', coefficients: [1] }), ...wrong }),
      ).toThrow(expect.objectContaining({ code: 'privacy.plan-input' }));
    }
    expect(() => new CorrelatedGaussian(optionsFor({ kind: 'banded', coefficients: [2, 1] }))).toThrow(
      expect.objectContaining({ code: 'privacy.plan-input' }),
    );
  });
});
