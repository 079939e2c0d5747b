import { Allowance, type Rate } from './allowance.js';

/** Addresses that are remembered at the most. */
const MOST_KEPT = 50_000;

/** An allowance for each address. Those that are full again are forgotten, so that a flood of addresses does not fill the memory. */
export class Allowances {
  private readonly byAddress = new Map<string, Allowance>();

  constructor(
    private readonly rate: Rate,
    /** Milliseconds of a clock that never goes back. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  take(address: string, amount = 1): boolean {
    const now = this.now();
    const known = this.byAddress.get(address);
    if (known !== undefined) return known.take(now, amount);
    if (this.byAddress.size >= MOST_KEPT) this.forget(now);
    // Where every address is busy, a new one has to wait: memory is bounded before anything else.
    if (this.byAddress.size >= MOST_KEPT) return false;
    const allowance = new Allowance(this.rate, now);
    this.byAddress.set(address, allowance);
    return allowance.take(now, amount);
  }

  private forget(now: number): void {
    for (const [address, allowance] of this.byAddress) {
      if (allowance.isFull(now)) this.byAddress.delete(address);
    }
  }
}
