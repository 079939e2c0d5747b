import { describe, expect, it } from 'vitest';
import {
  gaussianDistance,
  gaussianLowerBound,
  guessBySign,
  normalQuantile,
  oneRunLowerBound,
} from '@tutti/audit';
import { gaussianEpsilon, normalCdf } from '@tutti/shared/privacy';
import { uniformStream } from '@tutti/shared/crypto';
import { upperTail } from '../../../packages/audit/src/bounds/binomial.js';
import { seededRandom } from '../../support/seeded-random.js';

const DELTA = 1e-5;

/** Plays the game on the Gaussian mechanism itself, whose ε is known. */
function playGaussian(epsilon: number, canaries: number, guesses: number, seed: number) {
  const mu = gaussianDistance(epsilon, DELTA);
  const uniform = uniformStream(seededRandom(`gaussian game ${seed}`));
  const included = Array.from({ length: canaries }, () => uniform() < 0.5);
  const scores = included.map((isIn) => (isIn ? mu / 2 : -mu / 2) + normalQuantile(uniform()));
  return { canaries, guesses, delta: DELTA, ...guessBySign(scores, included, guesses) };
}

describe('the bound on Gaussian mechanisms', () => {
  it.each([
    { epsilon: 10, seed: 1 },
    { epsilon: 4.4, seed: 2 },
    { epsilon: 2, seed: 3 },
  ])('is sharper than that on (ε, δ), and below the truth: %j', ({ epsilon, seed }) => {
    const audit = playGaussian(epsilon, 1000, 200, seed);
    const sharp = gaussianLowerBound(audit, 0.95);
    expect(sharp).toBeGreaterThan(oneRunLowerBound(audit, 0.95));
    expect(sharp).toBeGreaterThan(0.4 * epsilon);
    expect(sharp).toBeLessThan(epsilon);
  });

  it.each([20, 100, 400])(
    'refutes ε = 0 of fair coins in at most one audit of twenty (%i guesses)',
    (guesses) => {
      let least = 0;
      while (gaussianLowerBound({ canaries: 2 * guesses, guesses, correct: least, delta: DELTA }, 0.95) === 0)
        least++;
      expect(upperTail(guesses, 0.5, least)).toBeLessThanOrEqual(0.05);
    },
  );

  it('refuses counts that cannot be', () => {
    expect(() => gaussianLowerBound({ canaries: 5, guesses: 6, correct: 1, delta: DELTA }, 0.95)).toThrow(
      expect.objectContaining({ code: 'audit.counts' }) as Error,
    );
  });
});

describe('the normal law', () => {
  it.each([1e-12, 0.05, 0.5, 0.999])('is inverted at %d', (probability) => {
    expect(normalCdf(normalQuantile(probability)) / probability).toBeCloseTo(1, 12);
  });

  it.each([0.5, 3, 8])('has the distance whose ε is %d', (epsilon) => {
    expect(gaussianEpsilon(gaussianDistance(epsilon, DELTA), DELTA)).toBeCloseTo(epsilon, 9);
  });
});
