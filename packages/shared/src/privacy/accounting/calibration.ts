import { Refusal } from '../../errors.js';
import type { AccountantChoice } from './accountant.js';
import { epsilonOf } from './epsilon.js';
import type { PrivacyEvent } from './events.js';
import { shrinkBracket } from './root.js';

/** The guarantee to reach. */
export interface PrivacyTarget extends AccountantChoice {
  readonly epsilon: number;
  readonly delta: number;
}

const RELATIVE_TOLERANCE = 1e-6;
const LEAST_TRIED = 1e-9;
const MOST_TRIED = 1e12;

/**
 * The least noise multiplier, to a relative 1e-6 and on the safe side, at which the events keep the target. The events are
 * built anew for each trial, so that for a distributed mechanism everything that hangs on the noise (scale, rounded bound,
 * bits) is derived within.
 *
 * @param eventFor - the whole event for one noise multiplier; its epsilon must not rise with it
 * @throws Refusal `privacy.unreachable-target` when no amount of noise reaches the target
 */
export function calibrateNoiseMultiplier({
  eventFor,
  ...target
}: PrivacyTarget & { readonly eventFor: (noiseMultiplier: number) => PrivacyEvent }): number {
  return leastSufficient(target, (multiplier) => epsilonOf(eventFor(multiplier), target));
}

/**
 * The most rounds that keep the target: 0 when one is too many, `maximum` when all of those fit.
 *
 * @param eventFor - the event of this many rounds; its epsilon must not fall with them
 * @param maximum - rounds beyond which nothing is looked for
 */
export function calibrateRounds({
  eventFor,
  maximum = 1e9,
  ...target
}: PrivacyTarget & {
  readonly eventFor: (rounds: number) => PrivacyEvent;
  readonly maximum?: number;
}): number {
  const fits = (rounds: number): boolean => epsilonOf(eventFor(rounds), target) <= target.epsilon;
  let low = 0;
  let high = 1;
  while (high <= maximum && fits(high)) {
    low = high;
    high *= 2;
  }
  high = Math.min(high, maximum + 1);
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * The largest sampling rate, to a relative 1e-6 and on the safe side, that keeps the target; 1 when no sampling is needed.
 *
 * @param eventFor - the event for one rate; its epsilon must not fall with it
 * @throws Refusal `privacy.unreachable-target` when not even a rate of 1e-12 does
 */
export function calibrateSamplingRate({
  eventFor,
  ...target
}: PrivacyTarget & { readonly eventFor: (rate: number) => PrivacyEvent }): number {
  if (epsilonOf(eventFor(1), target) <= target.epsilon) return 1;
  return 1 / leastSufficient(target, (inverse) => epsilonOf(eventFor(1 / inverse), target), 2);
}

/** The least x, on the safe side, at which a falling `epsilonAt` keeps the target. */
function leastSufficient(target: PrivacyTarget, epsilonAt: (x: number) => number, start = 1): number {
  if (!(target.epsilon > 0)) {
    throw new Refusal(
      'privacy.unreachable-target',
      `A guarantee of epsilon ${target.epsilon} is out of reach: it must be above 0.`,
      'Ask for a positive epsilon.',
    );
  }
  // In logarithms of both, where noise and epsilon are close to inversely proportional.
  const excess = (logX: number): number => {
    const ratio = Math.log(epsilonAt(Math.exp(logX)) / target.epsilon);
    return Math.min(50, Math.max(-50, ratio));
  };
  const at = (x: number): { x: number; value: number } => ({ x, value: excess(x) });
  let high = at(Math.log(start));
  let low = high;
  while (high.value > 0) {
    low = high;
    high = at(low.x + Math.LN2);
    if (high.x > Math.log(MOST_TRIED)) {
      throw new Refusal(
        'privacy.unreachable-target',
        `No noise and no sampling within reach brings epsilon down to ${target.epsilon} at delta ${target.delta}.`,
        'Ask for a larger epsilon, fewer rounds, or a delta above 0.',
      );
    }
  }
  while (low.value <= 0) {
    high = low;
    low = at(high.x - Math.LN2);
    if (low.x < Math.log(LEAST_TRIED)) return Math.exp(high.x);
  }
  return Math.exp(shrinkBracket(excess, low, high, RELATIVE_TOLERANCE).high);
}
