import { describe, expect, it } from 'vitest';
import { oneRunLowerBound, playCanaryGame } from '@tutti/audit';
import { epsilonOf, planEncoding, releaseEvent } from '@tutti/shared/privacy';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';

const CANARIES = 400;
const GUESSES = 200;
const DELTA = 1e-5;
const SEEDS = [1, 2, 3, 4, 5];
const plan = planEncoding({
  dimension: 4096,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: CANARIES,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});
const claimed = epsilonOf(releaseEvent(plan, CANARIES), { delta: DELTA });
const bound = (seed: number, noise: boolean) =>
  oneRunLowerBound(
    playCanaryGame({
      plan,
      primitives,
      random: seededRandom(`canaries ${seed}`),
      canaries: CANARIES,
      guesses: GUESSES,
      delta: DELTA,
      noise,
    }),
    0.95,
  );

describe('the auditing game on a released sum', () => {
  it.each(SEEDS)('stays below the claim with noise (seed %i)', (seed) => {
    expect(bound(seed, true)).toBeLessThanOrEqual(claimed);
  });

  it.each(SEEDS)('tells more of the same sum once the noise is off (seed %i)', (seed) => {
    expect(bound(seed, false)).toBeGreaterThan(bound(seed, true));
  });

  it('breaks a claim of ε = 1 when the noise is off', () => {
    const small = epsilonOf(
      { kind: 'gaussian', noiseMultiplier: 3.73, relation: 'zero-out', unit: 'client' },
      { delta: DELTA },
    );
    expect(small).toBeLessThanOrEqual(1.1);
    for (const seed of SEEDS) expect(bound(seed, false)).toBeGreaterThan(small);
  });
});
