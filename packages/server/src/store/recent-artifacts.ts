import type { ArtifactSource } from '@tutti/shared/protocol';

/** Bytes that are kept at the most. */
const CAPACITY = 64 * 2 ** 20;

/**
 * The artifacts that were asked for last, in memory: everybody in a cohort asks for the same model at the same time, and it need be read and hashed
 * but once.
 */
export class RecentArtifacts implements ArtifactSource {
  private readonly known = new Map<string, Promise<Uint8Array>>();
  /** Of those that have come, oldest first. */
  private readonly sizes = new Map<string, number>();
  private size = 0;

  constructor(
    private readonly source: ArtifactSource,
    private readonly capacity = CAPACITY,
  ) {}

  fetch(hash: string): Promise<Uint8Array> {
    const known = this.known.get(hash);
    if (known !== undefined) return known;
    const fetched = this.source.fetch(hash);
    this.known.set(hash, fetched);
    fetched.then(
      (bytes) => this.keep(hash, bytes.length),
      () => this.known.delete(hash),
    );
    return fetched;
  }

  /** Forgets the oldest others until this one fits. */
  private keep(hash: string, length: number): void {
    this.sizes.set(hash, length);
    this.size += length;
    for (const [oldest, size] of this.sizes) {
      if (this.size <= this.capacity) return;
      this.sizes.delete(oldest);
      this.known.delete(oldest);
      this.size -= size;
    }
  }
}
