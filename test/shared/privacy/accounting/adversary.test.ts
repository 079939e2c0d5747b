import {
  bestGuess,
  deltaOf,
  epsilonOf,
  eventsAgainst,
  groupGuarantee,
  largestBelief,
  largestTruePositiveRate,
  type PrivacyEvent,
  type RoundRelease,
} from '@tutti/shared/privacy';
import { describe, expect, test } from 'vitest';
import { all, ddgauss, gaussian, sampled, times, withoutReplacement } from './event-makers.js';

const round = (participated: boolean, secretlySampled = true): RoundRelease => ({
  event: ddgauss(400, 30, 100, 3000, 5000),
  samplingRate: 0.1,
  secretlySampled,
  participated,
});

describe('adversaries', () => {
  const rounds = [round(true), round(false), round(true), round(false), round(false)];

  test('the readers of the model do not know the cohorts: every round counts, amplified', () => {
    const events = eventsAgainst('released-model', rounds);
    expect(events).toHaveLength(5);
    expect(events.every((event) => event.kind === 'poisson-sampled' && event.rate === 0.1)).toBe(true);
  });

  test('the coordinator knows them: only the rounds taken part in count, at full price', () => {
    const events = eventsAgainst('coordinator', rounds);
    expect(events).toEqual([rounds[0]!.event, rounds[2]!.event]);
    expect(epsilonOf(events, { delta: 1e-5 })).toBeGreaterThan(
      epsilonOf(eventsAgainst('released-model', rounds), { delta: 1e-5 }),
    );
    expect(eventsAgainst('coordinator', [round(false)])).toEqual([]);
  });

  test('a cohort that was not drawn in secret amplifies nothing', () => {
    const open = [round(true, false), round(false, false)];
    expect(eventsAgainst('released-model', open)).toEqual(open.map(({ event }) => event));
  });

  test.each<[string, PrivacyEvent]>([
    ['sampled', sampled(0.1, gaussian(1))],
    ['sampled without replacement', withoutReplacement(0.1, gaussian(1, 'replace-one'))],
    ['sampled inside', all(gaussian(1), times(3, sampled(0.1, gaussian(1))))],
  ])('a release that claims to be %s is refused', (_what, event) => {
    for (const adversary of ['released-model', 'coordinator'] as const) {
      expect(() => eventsAgainst(adversary, [{ ...round(true), event }])).toThrow(
        expect.objectContaining({ code: 'privacy.sampling-claimed' }),
      );
    }
  });
});

describe('what an attacker can reach', () => {
  test('nothing, at epsilon 0', () => {
    const none = { epsilon: 0, delta: 0 };
    expect(bestGuess(none)).toBe(0.5);
    expect(bestGuess(none, 0.9)).toBeCloseTo(0.9, 12);
    expect(largestBelief(none, 0.3)).toBeCloseTo(0.3, 12);
    expect(largestTruePositiveRate(none, 0.2)).toBeCloseTo(0.2, 12);
  });

  test('at even odds, the share of randomised response', () => {
    expect(bestGuess({ epsilon: Math.log(3), delta: 0 })).toBeCloseTo(0.75, 12);
    expect(bestGuess({ epsilon: 1, delta: 0.01 })).toBeCloseTo((Math.E + 0.01) / (1 + Math.E), 12);
    expect(bestGuess({ epsilon: Infinity, delta: 0 })).toBe(1);
    expect(bestGuess({ epsilon: 0, delta: 1 })).toBe(1);
  });

  test('both kinds of error are bounded', () => {
    const point = { epsilon: 2, delta: 1e-3 };
    for (let rate = 0; rate <= 1; rate += 0.01) {
      const found = largestTruePositiveRate(point, rate);
      expect(found).toBeLessThanOrEqual(Math.exp(2) * rate + 1e-3 + 1e-12);
      expect(1 - rate).toBeLessThanOrEqual(Math.exp(2) * (1 - found) + 1e-3 + 1e-12);
      expect(found).toBeGreaterThanOrEqual(rate);
    }
  });

  test('the best test against a real Gaussian stays below', () => {
    // Thresholds on the noisy value: TPR = Phi(1 - t), FPR = Phi(-t), at the delta that belongs to epsilon.
    for (const epsilon of [0.5, 1, 3]) {
      const delta = deltaOf(gaussian(1), { epsilon, accountant: 'exact' });
      for (let t = -3; t < 5; t += 0.1) {
        expect(normal(1 - t)).toBeLessThanOrEqual(
          largestTruePositiveRate({ epsilon, delta }, normal(-t)) + 1e-6,
        );
      }
    }
  });

  test('a group pays for each of its members', () => {
    const point = { epsilon: 0.5, delta: 1e-6 };
    expect(groupGuarantee(point, 1)).toEqual(point);
    const three = groupGuarantee(point, 3);
    expect(three.epsilon).toBe(1.5);
    // One step after another: delta, then e^epsilon delta, then e^(2 epsilon) delta.
    expect(three.delta).toBeCloseTo(1e-6 * (1 + Math.exp(0.5) + Math.exp(1)), 15);
    expect(groupGuarantee({ epsilon: 0, delta: 1e-6 }, 4).delta).toBeCloseTo(4e-6, 15);
    expect(groupGuarantee({ epsilon: 10, delta: 0.1 }, 50).delta).toBe(1);
  });
});

function normal(x: number): number {
  let sum = 0;
  const step = 1e-3;
  for (let t = -9; t < x; t += step) sum += Math.exp(-((t + step / 2) ** 2) / 2) * Math.min(step, x - t);
  return sum / Math.sqrt(2 * Math.PI);
}
