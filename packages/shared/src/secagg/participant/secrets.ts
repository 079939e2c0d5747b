/** The secrets of one round, in one place, so that every way out of the round overwrites all of them. */
export class Secrets {
  readonly #kept = new Set<Uint8Array>();

  /** Returns the same array. It is overwritten with zeros when the round is over, or when {@link drop} is asked to. */
  keep(secret: Uint8Array): Uint8Array {
    this.#kept.add(secret);
    return secret;
  }

  /** Overwrites secrets that are no longer needed. */
  drop(...secrets: readonly Uint8Array[]): void {
    for (const secret of secrets) {
      secret.fill(0);
      this.#kept.delete(secret);
    }
  }

  wipe(): void {
    this.drop(...this.#kept);
  }
}
