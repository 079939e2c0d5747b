import { type PrivacyEvent, RdpAccountant } from '../accounting/index.js';

/** No more of δ than this may go to the noise's distance from its law. */
const LARGEST_SHARE_OF_DELTA = 0.01;

/** What releases have cost one party: their composition, and how far their noise was from the noise that they state. */
export class Account {
  private readonly accountant = new RdpAccountant();
  private distance = 0;
  private releases = 0;

  /** Charges one release. */
  charge(event: PrivacyEvent, noiseDistance = 0): this {
    this.accountant.compose(event);
    this.distance += noiseDistance;
    this.releases++;
    return this;
  }

  /** Releases charged. */
  get count(): number {
    return this.releases;
  }

  /** The account as it would be after one more release. */
  after(event: PrivacyEvent, noiseDistance = 0): Account {
    const next = new Account();
    next.accountant.absorb(this.accountant);
    next.distance = this.distance;
    next.releases = this.releases;
    return next.charge(event, noiseDistance);
  }

  /**
   * ε at δ. Noise at distance t from its law turns (ε, δ') into (ε, δ' + (1 + exp(ε)) t), which is taken off δ beforehand.
   * @returns infinite where nothing is bounded, or where more than 1% of δ would go to the distance
   */
  epsilon(delta: number): number {
    if (this.releases === 0) return 0;
    if (this.distance === 0) return this.accountant.epsilon(delta).epsilon;
    const ceiling = this.accountant.epsilon((1 - LARGEST_SHARE_OF_DELTA) * delta).epsilon;
    const booked = (1 + Math.exp(ceiling)) * this.distance;
    return booked <= LARGEST_SHARE_OF_DELTA * delta
      ? this.accountant.epsilon(delta - booked).epsilon
      : Infinity;
  }

  /** The composed Rényi curve at the accountant's orders. */
  curve(): { readonly orders: readonly number[]; readonly divergence: Float64Array } {
    return { orders: this.accountant.orders, divergence: this.accountant.curve() };
  }

  /** Sum of the booked distances. */
  get noiseDistance(): number {
    return this.distance;
  }
}
