import type { PrivacyEvent } from '../events.js';
import { GatheredUses } from '../gathered-uses.js';
import { gaussianEpsilon, gaussianLogDelta } from '../gaussian.js';
import { singleUseDelta, singleUseEpsilon } from '../single-use.js';
import { RdpAccountant } from '../rdp/rdp-accountant.js';
import { gaussianPair, mirrored } from './dominating-pair.js';
import { eventPair, type EventPair } from './event-pair.js';
import { composedDelta, composedEpsilon, type Uses } from './tight.js';

/**
 * The tight accountant: privacy loss distributions, discretised from above by connecting the dots and composed by a tilted
 * Fourier transform, in both directions (a unit removed, a unit added). Its epsilon is an upper bound within about a ten-thousandth
 * of the truth, down to delta = 1e-25 and below; a single use, and any mix of unsampled Gaussians, come out exact.
 *
 * It knows Gaussians (also trees and matrix factorisations), Laplace, and integer noise in one dimension, each also Poisson-sampled.
 */
export class PldAccountant {
  private readonly gathered = new GatheredUses();
  private readonly pairs = new Map<string, EventPair>();
  /** A bound as well, and the better one where a composition is too long for the largest grid. */
  private readonly rdp = new RdpAccountant();

  /**
   * Adds `count` uses of an event (or of a composition).
   *
   * @throws Refusal `privacy.unsupported-event` for an event without a known loss distribution; `privacy.mixed-relations`
   */
  compose(event: PrivacyEvent, count = 1): this {
    this.gathered.add(event, count);
    for (const { event: single, key } of this.gathered.others) {
      if (!this.pairs.has(key)) this.pairs.set(key, eventPair(single, 'pld'));
    }
    this.rdp.compose(event, count);
    return this;
  }

  /** The least epsilon shown at `delta` (0 to 1). */
  epsilon(delta: number): { epsilon: number } {
    if (delta >= 1) return { epsilon: 0 };
    const pure = this.gathered.pureEpsilon;
    if (delta <= 0 || pure === 0) return { epsilon: pure };
    if (this.gathered.hidesNothing) return { epsilon: Infinity };
    return { epsilon: Math.min(pure, this.tightEpsilon(delta)) };
  }

  /** The least delta shown at `epsilon` >= 0. */
  delta(epsilon: number): number {
    if (this.gathered.pureEpsilon <= epsilon) return 0;
    if (this.gathered.hidesNothing) return 1;
    const others = this.gathered.others;
    const distance = this.gathered.gaussianDistance;
    if (others.length === 0) return Math.exp(gaussianLogDelta(distance, epsilon));
    const only = this.onlyPair();
    if (only) return singleUseDelta(only.pair, epsilon);
    const tight = this.worst((uses, enough) => composedDelta(uses, epsilon, enough));
    return Math.min(tight, this.rdp.delta(epsilon));
  }

  private tightEpsilon(delta: number): number {
    if (this.gathered.others.length === 0) return gaussianEpsilon(this.gathered.gaussianDistance, delta);
    const only = this.onlyPair();
    if (only) return singleUseEpsilon(only.pair, delta);
    const tight = this.worst((uses, enough) => composedEpsilon(uses, delta, enough));
    return Math.min(tight, this.rdp.epsilon(delta).epsilon);
  }

  private worst(bound: (uses: readonly Uses[], enough: number) => number): number {
    return this.directions().reduce((worst, uses) => Math.max(worst, bound(uses, worst)), 0);
  }

  /** The pair, when there is one use of one event and nothing else. */
  private onlyPair(): EventPair | undefined {
    const [first, ...more] = this.gathered.others;
    if (!first || more.length > 0 || first.count !== 1 || this.gathered.gaussianDistance > 0)
      return undefined;
    return this.pairs.get(first.key);
  }

  /** All uses with the unit removed and, where that differs, with the unit added. */
  private directions(): readonly (readonly Uses[])[] {
    const removed: Uses[] = [];
    const added: Uses[] = [];
    let symmetric = true;
    const distance = this.gathered.gaussianDistance;
    if (distance > 0) {
      removed.push({ pair: gaussianPair(distance), count: 1 });
      added.push({ pair: gaussianPair(distance), count: 1 });
    }
    for (const { key, count } of this.gathered.others) {
      const known = this.pairs.get(key);
      if (!known) continue;
      removed.push({ pair: known.pair, count });
      added.push({ pair: mirrored(known.pair), count });
      symmetric &&= known.symmetric;
    }
    return symmetric ? [removed] : [removed, added];
  }
}
