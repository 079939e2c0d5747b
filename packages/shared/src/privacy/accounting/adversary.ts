import { Refusal } from '../../errors.js';
import type { PrivacyEvent } from './events.js';

/**
 * Against whom a guarantee holds.
 *
 * - `released-model`: sees the released models only. Where cohorts are drawn secretly and independently, it does not know who
 *   was sampled, and sampling amplifies.
 * - `coordinator`: sees every sum and knows every cohort. Sampling never amplifies against it; a client pays for the rounds
 *   that it took part in, and for no others.
 */
export type Adversary = 'released-model' | 'coordinator';

/** One round as it happened, for one unit. */
export interface RoundRelease {
  /** What the round released, without any sampling. */
  readonly event: PrivacyEvent;
  /** Probability with which each unit entered the cohort. */
  readonly samplingRate: number;
  /** Whether the cohort was really drawn independently for each unit, and kept from the readers of the model. */
  readonly secretlySampled: boolean;
  /** Whether this unit was in the cohort. */
  readonly participated: boolean;
}

/**
 * What the rounds cost one unit against an adversary, to be handed to an accountant.
 *
 * @throws Refusal `privacy.sampling-claimed` when a round's event claims sampling by itself
 */
export function eventsAgainst(
  adversary: Adversary,
  rounds: readonly RoundRelease[],
): readonly PrivacyEvent[] {
  return rounds
    .filter(({ participated }) => adversary === 'released-model' || participated)
    .map(({ event, samplingRate, secretlySampled }) => {
      refuseSampling(event);
      const amplified = adversary === 'released-model' && secretlySampled && samplingRate < 1;
      return amplified ? { kind: 'poisson-sampled', rate: samplingRate, event } : event;
    });
}

/**
 * Holds a line: no guarantee against the coordinator uses amplification by sampling.
 *
 * @throws Refusal `privacy.sampling-claimed` when the event, or a part of it, is sampled
 */
export function refuseSampling(event: PrivacyEvent): void {
  if (event.kind === 'poisson-sampled' || event.kind === 'sampled-without-replacement') {
    throw new Refusal(
      'privacy.sampling-claimed',
      `The event claims amplification (${event.kind}) where the adversary may know who was sampled.`,
      'State the event without sampling, and let the adversary decide whether sampling counts.',
    );
  }
  if (event.kind === 'composed') event.events.forEach(refuseSampling);
  if (event.kind === 'repeated') refuseSampling(event.event);
}
