import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  decode,
  encode,
  epsilonOf,
  planEncoding,
  releaseEvent,
  type EncodingPlan,
} from '@tutti/shared/privacy';
import { seededRandom } from '../../../support/seeded-random.js';

/**
 * The distinguishing game, end to end: one client's update lies along a direction that the attacker knows, or is zero; the attacker
 * sees the decoded sum, and knows all other updates. Its true and false positive rates bound ε from below (Clopper and Pearson 1934,
 * as in Jagielski, Ullman, Oprea 2020).
 */
const DELTA = 1e-5;
const SHARERS = 12;
const GAMES = 1000;
const plan = planEncoding({
  dimension: 64,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 20,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});
const rotationSeed = new Uint8Array(32).fill(3);
const direction = new Float64Array(64).fill(1 / 8);
const nothing = new Float64Array(64);

/** One client's vector by itself: what the attacker looks for. */
const ofClient: Setting = { plan, with: direction, without: nothing };

/** One client's vector is a sum of a hundred examples, which the attacker knows, but for whether one more is in it. */
const summed = new Float64Array(64).map((_, at) => (at % 5) / 3);
const ofExample: Setting = {
  plan: planEncoding({
    dimension: 64,
    clipNorm: 20,
    unitNorm: 1,
    noiseMultiplier: 1,
    maximumCohort: 20,
    minimumSharers: 12,
    survivorFraction: 0.8,
    corruptFraction: 0.05,
    laneBits: 32,
  }),
  with: summed.map((value, at) => value + direction[at]!),
  without: summed,
};

interface Setting {
  readonly plan: EncodingPlan;
  readonly with: Float64Array;
  readonly without: Float64Array;
}

/** How far the decoded sum of the guaranteed honest clients reaches along the direction, beyond what is known. */
function score({ plan, ...updates }: Setting, present: boolean, game: number, noise: boolean): number {
  const sum = plan.laneBits === 32 ? new Uint32Array(64) : new Uint16Array(64);
  for (let client = 0; client < 9; client++) {
    const update = client > 0 ? nothing : present ? updates.with : updates.without;
    const random = seededRandom(`game ${game} ${client} ${present}`);
    const options = { rotationSeed, sharers: SHARERS, random, primitives };
    const lanes = encode(plan, update, noise ? options : { ...options, noise: false });
    lanes.forEach((residue, index) => (sum[index] = sum[index]! + residue));
  }
  return decode(plan, sum, { rotationSeed, primitives }).reduce(
    (total, value, index) => total + (value - updates.without[index]!) * direction[index]!,
    0,
  );
}

/** P(Bin(n, p) >= k), for 0 < p < 1. */
function upperTail(n: number, k: number, p: number): number {
  let logChoose = 0;
  let sum = 0;
  for (let i = n; i >= k; i--) {
    sum += Math.exp(logChoose + i * Math.log(p) + (n - i) * Math.log1p(-p));
    logChoose += Math.log(i / (n - i + 1));
  }
  return sum;
}

/** The lower end of the interval for a probability that came true k times of n, at 97.5%. */
function lowerEnd(n: number, k: number): number {
  let [low, high] = [0, k / n];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (upperTail(n, k, middle) < 0.025) low = middle;
    else high = middle;
  }
  return low;
}

/** A lower bound on ε at 95%, the threshold being fixed beforehand. */
function lowerBound(setting: Setting, noise: boolean, threshold: number): number {
  const hits = (present: boolean) =>
    Array.from({ length: GAMES }, (_, game) => score(setting, present, game, noise)).filter(
      (value) => value > threshold,
    ).length;
  const truePositive = lowerEnd(GAMES, hits(true));
  const falsePositive = 1 - lowerEnd(GAMES, GAMES - hits(false));
  return Math.log((truePositive - DELTA) / falsePositive);
}

describe.each([
  ['a client', ofClient],
  ['one example in a sum of many', ofExample],
])('the distinguishing game about %s', (_unit, setting) => {
  const claimed = epsilonOf(releaseEvent(setting.plan, SHARERS), { delta: DELTA });

  it('is won without noise: the lower bound breaks the claim', () => {
    expect(lowerBound(setting, false, 0.5)).toBeGreaterThan(claimed);
  });

  it('with noise shows that the attacker is no fool, and stays below the claim', () => {
    const shown = lowerBound(setting, true, 1);
    expect(shown).toBeGreaterThan(0.5);
    expect(shown).toBeLessThan(claimed);
  });
});
