import type { PrivacyEvent } from './events.js';
import { GatheredUses } from './gathered-uses.js';
import { gaussianEpsilon, gaussianLogDelta } from './gaussian.js';
import type { DominatingPair } from './pld/dominating-pair.js';
import { eventPair } from './pld/event-pair.js';
import { singleUseDelta, singleUseEpsilon } from './single-use.js';
import { unsupportedEvent } from './unsupported.js';

/**
 * Closed forms, with no error but rounding: any composition of unsampled Gaussians, trees and matrix factorisations
 * (Balle, Wang 2018, arXiv 1805.06530), or a single use of an event whose hockey-stick curve is known.
 */
export class ExactAccountant {
  private readonly gathered = new GatheredUses();
  private single: DominatingPair | undefined;

  /**
   * Adds `count` uses of an event (or of a composition).
   *
   * @throws Refusal `privacy.unsupported-event` when the composition has no closed form; `privacy.mixed-relations`
   */
  compose(event: PrivacyEvent, count = 1): this {
    this.gathered.add(event, count);
    const [first, second] = this.gathered.others;
    if (!first) return this;
    const { pair } = eventPair(first.event, 'exact');
    if (second || first.count > 1 || this.gathered.gaussianDistance > 0) {
      throw unsupportedEvent(
        'exact',
        (second ?? first).event.kind,
        'its composition has no closed form',
        'Use the pld accountant, or rdp.',
      );
    }
    this.single = pair;
    return this;
  }

  /** The least epsilon at `delta` (0 to 1). */
  epsilon(delta: number): { epsilon: number } {
    if (delta >= 1) return { epsilon: 0 };
    if (delta <= 0) return { epsilon: this.gathered.pureEpsilon };
    if (this.gathered.hidesNothing) return { epsilon: Infinity };
    return {
      epsilon: this.single
        ? singleUseEpsilon(this.single, delta)
        : gaussianEpsilon(this.gathered.gaussianDistance, delta),
    };
  }

  /** The least delta at `epsilon` >= 0. */
  delta(epsilon: number): number {
    if (this.gathered.hidesNothing) return 1;
    return this.single
      ? singleUseDelta(this.single, epsilon)
      : Math.exp(gaussianLogDelta(this.gathered.gaussianDistance, epsilon));
  }
}
