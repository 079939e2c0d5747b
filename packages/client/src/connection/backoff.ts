/** How long to wait before the next try, each time longer, and never at the same moment as everybody else. */
export class Backoff {
  private tries = 0;

  /**
   * @param uniform - draws from [0, 1)
   * @param first - milliseconds that the first wait is about
   * @param most - milliseconds that no wait is longer than
   */
  constructor(
    private readonly uniform: () => number,
    private readonly first = 1000,
    private readonly most = 5 * 60_000,
  ) {}

  /** Milliseconds to wait now: between half of a bound that doubles with every try, and the bound. */
  next(): number {
    const bound = Math.min(this.most, this.first * 2 ** Math.min(this.tries, 30));
    this.tries++;
    return Math.round((bound * (1 + this.uniform())) / 2);
  }

  /** What was tried has succeeded: the next wait is a first one. */
  reset(): void {
    this.tries = 0;
  }
}
