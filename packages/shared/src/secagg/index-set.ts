import { Refusal } from '../errors.js';

/** A set of clients of one roster, by their indices. Written as a bitmap: client i is bit i & 7 of byte i >> 3. */
export class IndexSet implements Iterable<number> {
  readonly size: number;
  readonly count: number;
  readonly #bytes: Uint8Array;

  private constructor(size: number, bytes: Uint8Array) {
    this.size = size;
    this.#bytes = bytes;
    let count = 0;
    for (let index = 0; index < size; index++) if (this.has(index)) count++;
    this.count = count;
  }

  /** @throws {RangeError} when an index is not below `size`: the caller's mistake, never the network's. */
  static of(size: number, indices: Iterable<number>): IndexSet {
    const bytes = new Uint8Array(bitmapLength(size));
    for (const index of indices) {
      if (!Number.isInteger(index) || index < 0 || index >= size)
        throw new RangeError(`No client ${index} among ${size}`);
      bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
    }
    return new IndexSet(size, bytes);
  }

  /** @throws {Refusal} `secagg.malformed` where the length is wrong or a bit at or above `size` is set. */
  static decode(size: number, bytes: Uint8Array): IndexSet {
    const spare = size & 7;
    if (
      bytes.length !== bitmapLength(size) ||
      (spare !== 0 && (bytes[bytes.length - 1] ?? 0) >> spare !== 0)
    ) {
      throw new Refusal(
        'secagg.malformed',
        `A bitmap of ${size} clients has ${bitmapLength(size)} bytes and no bit beyond the last client.`,
        'The sender follows another protocol, or lies. Leave the round.',
      );
    }
    return new IndexSet(size, bytes.slice());
  }

  has(index: number): boolean {
    return index >= 0 && index < this.size && (((this.#bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
  }

  /** The bitmap. The caller leaves it unchanged. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Whether every client of this set is in `other`. */
  within(other: IndexSet): boolean {
    for (const index of this) if (!other.has(index)) return false;
    return true;
  }

  /** Ascending. */
  *[Symbol.iterator](): Iterator<number> {
    for (let index = 0; index < this.size; index++) if (this.has(index)) yield index;
  }
}

/** Bytes that a bitmap of `size` clients takes. */
export function bitmapLength(size: number): number {
  return (size + 7) >> 3;
}
