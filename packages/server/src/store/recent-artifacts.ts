import type { ArtifactSource } from '@tutti/shared/protocol';

/** Bytes that are kept at the most. */
const CAPACITY = 64 * 2 ** 20;

/** Milliseconds after which an artifact is fetched again: another process may have deleted it. */
const FRESH = 60_000;

/**
 * The artifacts that were asked for last, in memory: everybody in a cohort asks for the same model at the same time, and it need be read and hashed
 * but once.
 */
export class RecentArtifacts implements ArtifactSource {
  private readonly known = new Map<string, Promise<Uint8Array>>();
  private readonly until = new Map<string, number>();
  /** Of those that have come, oldest first. */
  private readonly sizes = new Map<string, number>();
  private size = 0;

  constructor(
    private readonly source: ArtifactSource,
    private readonly capacity = CAPACITY,
    private readonly now: () => number = () => performance.now(),
  ) {}

  fetch(hash: string): Promise<Uint8Array> {
    const known = this.known.get(hash);
    if (known !== undefined && this.now() < (this.until.get(hash) ?? 0)) return known;
    this.forget(hash);
    const fetched = this.source.fetch(hash);
    this.known.set(hash, fetched);
    this.until.set(hash, this.now() + FRESH);
    fetched.then(
      (bytes) => {
        if (this.known.get(hash) === fetched) this.keep(hash, bytes.length);
      },
      () => this.forget(hash),
    );
    return fetched;
  }

  /** Lets go of an artifact that was deleted. */
  forget(hash: string): void {
    this.known.delete(hash);
    this.until.delete(hash);
    this.size -= this.sizes.get(hash) ?? 0;
    this.sizes.delete(hash);
  }

  /** Forgets the oldest others until this one fits. */
  private keep(hash: string, length: number): void {
    this.sizes.set(hash, length);
    this.size += length;
    for (const oldest of this.sizes.keys()) {
      if (this.size <= this.capacity) return;
      this.forget(oldest);
    }
  }
}
