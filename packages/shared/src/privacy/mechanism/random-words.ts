import type { RandomSource } from '../../crypto/random.js';

/** The Web Crypto API gives at most this many bytes a call. */
const LARGEST_BLOCK = 65_536;

/**
 * Uniform 32-bit words read from a {@link RandomSource} in blocks. `expected` is the number of words that will probably be
 * asked for: it sizes the block, nothing else.
 */
export class RandomWords {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private position: number;

  constructor(
    private readonly source: RandomSource,
    expected: number,
  ) {
    const length = Math.min(LARGEST_BLOCK, Math.max(64, Math.ceil(expected) * 4));
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
    this.position = length;
  }

  /** The next word, 0 to 2^32 - 1. */
  next(): number {
    if (this.position === this.bytes.length) {
      this.source.fill(this.bytes);
      this.position = 0;
    }
    const word = this.view.getUint32(this.position, true);
    this.position += 4;
    return word;
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
    this.position = this.bytes.length;
  }
}
