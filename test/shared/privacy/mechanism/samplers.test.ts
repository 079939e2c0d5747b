import { describe, expect, it } from 'vitest';
import { ExactDiscreteGaussian } from '../../../../packages/shared/src/privacy/mechanism/exact-gaussian.js';
import { noiseSampler } from '../../../../packages/shared/src/privacy/mechanism/noise.js';
import { RandomWords } from '../../../../packages/shared/src/privacy/mechanism/random-words.js';
import { rational, type Rational } from '../../../../packages/shared/src/privacy/mechanism/rational.js';
import { seededRandom } from '../../../support/seeded-random.js';
import { chiSquare, discreteGaussianLaw, moments, skellamLaw } from './support/exact-laws.js';
import { slowDiscreteGaussian } from './support/slow-gaussian.js';

const MILLION = 1_000_000;

function draws(sample: (words: RandomWords) => number, count: number, seed: string): number[] {
  const words = new RandomWords(seededRandom(seed), 16_384);
  return Array.from({ length: count }, () => sample(words));
}

function exactSampler(variance: Rational): (words: RandomWords) => number {
  const sampler = new ExactDiscreteGaussian(variance);
  return (words) => sampler.sample(words);
}

function tableSampler(
  law: 'discrete-gaussian' | 'skellam',
  variance: Rational,
): (words: RandomWords) => number {
  const sampler = noiseSampler(law, variance);
  return (words) => sampler.sample(words);
}

const nine = rational(9n, 1n);
const odd = rational(213_167n, 610n);

const samplers = [
  {
    name: 'table, deviation 3',
    sample: tableSampler('discrete-gaussian', nine),
    law: discreteGaussianLaw(nine, 60),
    variance: 9,
  },
  {
    name: 'table, variance 213167/610',
    sample: tableSampler('discrete-gaussian', odd),
    law: discreteGaussianLaw(odd, 270),
    variance: 213_167 / 610,
  },
  { name: 'exact, deviation 3', sample: exactSampler(nine), law: discreteGaussianLaw(nine, 60), variance: 9 },
  {
    name: 'exact, variance 213167/610',
    sample: exactSampler(odd),
    law: discreteGaussianLaw(odd, 270),
    variance: 213_167 / 610,
  },
  {
    name: 'Skellam, variance 9',
    sample: tableSampler('skellam', nine),
    law: skellamLaw(nine, 80),
    variance: 9,
  },
];

describe.each(samplers)('a million draws: $name', ({ name, sample, law, variance }) => {
  const drawn = draws(sample, MILLION, `samplers|${name}`);

  it('have the frequencies of the law (chi-square, each sign apart)', () => {
    expect(Math.abs(chiSquare(drawn, law))).toBeLessThan(4);
  });

  it('have its moments', () => {
    const { mean, variance: second, kurtosis } = moments(drawn);
    const skellam = name.startsWith('Skellam');
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / MILLION));
    expect(Math.abs(second / variance - 1)).toBeLessThan(
      4 * Math.sqrt((2 + (skellam ? 1 / variance : 0)) / MILLION),
    );
    expect(Math.abs(kurtosis - (skellam ? 1 / variance : 0))).toBeLessThan(
      4 * Math.sqrt(24 / MILLION) + 0.005,
    );
  });
});

describe('the chi-square test itself', () => {
  it('rejects noise whose deviation is off by one percent', () => {
    const off = draws(tableSampler('discrete-gaussian', rational(91_809n, 10_000n)), MILLION, 'off');
    expect(chiSquare(off, discreteGaussianLaw(nine, 60))).toBeGreaterThan(6);
  });
});

describe('wide noise', () => {
  it('of the exact sampler has its variance at a deviation of 100,000', () => {
    const variance = 1e10;
    const {
      mean,
      variance: second,
      kurtosis,
    } = moments(draws(exactSampler(rational(10n ** 10n, 1n)), 200_000, 'wide'));
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / 200_000));
    expect(Math.abs(second / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 200_000));
    expect(Math.abs(kurtosis)).toBeLessThan(4 * Math.sqrt(24 / 200_000));
  });

  it('of Skellam’s sum of tables has its variance at a deviation of 10,000', () => {
    const variance = 1e8;
    const { variance: second } = moments(
      draws(tableSampler('skellam', rational(10n ** 8n, 1n)), 100_000, 'wide skellam'),
    );
    expect(Math.abs(second / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 100_000));
  });
});

describe('the exact sampler', () => {
  it.each([
    rational(1n, 100n),
    rational(9n, 1n),
    rational(213_167n, 610n),
    rational(10n ** 12n, 7n),
    rational(2n ** 40n, 1n),
  ])('agrees with whole fractions, draw for draw, at variance $numerator/$denominator', (variance) => {
    const slowWords = new RandomWords(seededRandom('slow and fast'), 16_384);
    const slow = Array.from({ length: 3000 }, () => slowDiscreteGaussian(variance, slowWords));
    expect(draws(exactSampler(variance), 3000, 'slow and fast')).toEqual(slow);
  });

  it('refuses a variance of zero and one that its numbers cannot hold', () => {
    for (const variance of [rational(0n, 1n), rational(2n ** 81n, 1n)]) {
      expect(() => new ExactDiscreteGaussian(variance)).toThrow(
        expect.objectContaining({ code: 'privacy.exact-variance' }),
      );
    }
  });
});
