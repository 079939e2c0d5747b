import type { RandomSource } from '../../crypto/random.js';

/** The Web Crypto API gives at most this many bytes a call. */
const LARGEST_BLOCK = 65_536;

/** Words are little-endian everywhere, so that one seed gives one sequence on every platform. */
const swapped = new Uint8Array(Uint32Array.of(1).buffer)[0] === 0;

/**
 * Uniform 32-bit words read from a {@link RandomSource} in blocks. `expected` is the number of words that will probably be
 * asked for: it sizes the block, nothing else.
 */
export class RandomWords {
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private readonly signed: Int32Array;
  private position: number;
  private reserve: RandomWords | undefined;

  constructor(
    private readonly source: RandomSource,
    expected: number,
  ) {
    const length = Math.min(LARGEST_BLOCK, Math.max(64, Math.ceil(expected) * 4));
    this.bytes = new Uint8Array(length);
    this.words = new Uint32Array(this.bytes.buffer);
    this.signed = new Int32Array(this.bytes.buffer);
    this.position = this.words.length;
  }

  /** The next word, 0 to 2^32 - 1. */
  next(): number {
    if (this.position === this.words.length) this.refill();
    return this.words[this.position++] as number;
  }

  /** Other words of the same source, which may be read while a view of these is in use. */
  get aside(): RandomWords {
    this.reserve ??= new RandomWords(this.source, 16);
    return this.reserve;
  }

  /** The next words, at least one and at most `limit`. The view is valid until any other method is called. */
  take(limit: number): Int32Array {
    if (this.position === this.words.length) this.refill();
    const from = this.position;
    this.position = Math.min(this.words.length, from + limit);
    return this.signed.subarray(from, this.position);
  }

  private refill(): void {
    this.source.fill(this.bytes);
    this.position = 0;
    if (!swapped) return;
    const view = new DataView(this.bytes.buffer);
    for (let at = 0; at < this.words.length; at++) this.words[at] = view.getUint32(at * 4, true);
  }

  /** Uniform in 0 to `bound` - 1, exactly, by rejection. `bound` is an integer of 1 to 2^53. */
  below(bound: number): number {
    if (bound <= 0x1_0000_0000) {
      const mask = bound === 0x1_0000_0000 ? 0xffff_ffff : 0xffff_ffff >>> Math.clz32(bound - 1);
      if (bound === 1) return 0;
      for (;;) {
        const candidate = (this.next() & mask) >>> 0;
        if (candidate < bound) return candidate;
      }
    }
    const highMask = 0xffff_ffff >>> Math.clz32(Math.floor((bound - 1) / 0x1_0000_0000));
    for (;;) {
      const candidate = (this.next() & highMask) * 0x1_0000_0000 + this.next();
      if (candidate < bound) return candidate;
    }
  }

  /** Overwrites what was read: these words are the noise, and the noise must not outlive its vector. */
  wipe(): void {
    this.bytes.fill(0);
    this.position = this.words.length;
    this.reserve?.wipe();
  }
}
