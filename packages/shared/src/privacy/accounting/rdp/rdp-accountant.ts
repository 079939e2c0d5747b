import { Refusal } from '../../../errors.js';
import type { PrivacyEvent, Protection } from '../events.js';
import { protectionOf, usesOf, type Uses } from '../normalise.js';
import { pureEpsilon } from '../pure.js';
import { rdpToDelta, rdpToEpsilon } from './conversion.js';
import { eventCurve } from './event-curve.js';
import { DEFAULT_ORDERS } from './orders.js';

/**
 * Adds the Rényi curves of events on one grid of orders (Mironov 2017, arXiv 1702.07476) and converts the sum. It bounds
 * every event of this library; for sampled Gaussians the privacy loss distribution is tighter.
 *
 * The curve of an event is kept under its canonical form, so that composing one round after another costs next to nothing.
 */
export class RdpAccountant {
  readonly orders: readonly number[];
  private readonly sum: Float64Array;
  private pure = 0;
  private protection: Protection | undefined;

  /**
   * @param orders - Rényi orders
   * @throws Refusal `privacy.invalid-orders` when there is none, or one that is not above 1
   */
  constructor(orders: readonly number[] = DEFAULT_ORDERS) {
    if (orders.length === 0 || !orders.every((order) => order > 1 && Number.isFinite(order))) {
      throw new Refusal(
        'privacy.invalid-orders',
        'A Rényi order is not above 1, or there is none.',
        'State orders above 1.',
      );
    }
    this.orders = orders;
    this.sum = new Float64Array(orders.length);
  }

  /**
   * Adds `count` uses of an event (or of a composition).
   *
   * @throws Refusal `privacy.unsupported-event`; `privacy.mixed-relations` when it protects something else than the others
   */
  compose(event: PrivacyEvent, count = 1): this {
    const uses = usesOf(event);
    const curves = uses.map((use) => curveOn(this.orders, use));
    this.protection = protectionOf(
      uses.map((use) => use.event),
      this.protection,
    );
    uses.forEach((use, index) => {
      const times = use.count * count;
      if (times === 0) return;
      curves[index]?.forEach((rdp, at) => (this.sum[at] = (this.sum[at] ?? 0) + times * rdp));
      this.pure += times * pureEpsilon(use.event);
    });
    return this;
  }

  /** Adds all that another accountant on the same orders has composed. */
  absorb(other: RdpAccountant): this {
    other.sum.forEach((rdp, at) => (this.sum[at] = (this.sum[at] ?? 0) + rdp));
    this.pure += other.pure;
    this.protection ??= other.protection;
    return this;
  }

  /** The composed curve: a bound on the Rényi divergence at each of the orders. */
  curve(): Float64Array {
    return this.sum.slice();
  }

  /**
   * The least epsilon that the curve shows at `delta` (0 to 1), and the order that shows it: infinite for the bound at
   * delta = 0, NaN when nothing is bounded.
   */
  epsilon(delta: number): { epsilon: number; order: number } {
    const converted = rdpToEpsilon(this.orders, this.sum, delta);
    return this.pure < converted.epsilon ? { epsilon: this.pure, order: Infinity } : converted;
  }

  /** The least delta that the curve shows at `epsilon`. */
  delta(epsilon: number): number {
    return this.pure <= epsilon ? 0 : rdpToDelta(this.orders, this.sum, epsilon);
  }
}

/** The Rényi curve of one use of an event at the given orders. */
export function rdpOf(event: PrivacyEvent, orders: readonly number[] = DEFAULT_ORDERS): Float64Array {
  const curve = eventCurve(event);
  return Float64Array.from(orders, curve);
}

const MOST_KNOWN = 512;
const known = new Map<string, Float64Array>();

function curveOn(orders: readonly number[], { event, key }: Uses): Float64Array {
  const name = orders === DEFAULT_ORDERS ? key : `${orders.join()} ${key}`;
  let curve = known.get(name);
  if (!curve) {
    curve = rdpOf(event, orders);
    const oldest = known.size >= MOST_KNOWN ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    known.set(name, curve);
  }
  return curve;
}
