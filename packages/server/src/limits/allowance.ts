/** How fast something may go on, and how much of it at once. */
export interface Rate {
  readonly perSecond: number;
  /** What may be spent at once after a rest. */
  readonly burst: number;
}

/** A token bucket: filled evenly up to its burst, emptied by what is done. */
export class Allowance {
  private left: number;

  /** @param now - milliseconds of a clock that never goes back */
  constructor(
    private readonly rate: Rate,
    private filledAt: number,
  ) {
    this.left = rate.burst;
  }

  /** Spends `amount`, if there is so much. */
  take(now: number, amount = 1): boolean {
    this.fill(now);
    if (this.left < amount) return false;
    this.left -= amount;
    return true;
  }

  /** Whether it is as if nothing had been spent. */
  isFull(now: number): boolean {
    this.fill(now);
    return this.left >= this.rate.burst;
  }

  private fill(now: number): void {
    const { perSecond, burst } = this.rate;
    this.left = Math.min(burst, this.left + (Math.max(0, now - this.filledAt) * perSecond) / 1000);
    this.filledAt = now;
  }
}
