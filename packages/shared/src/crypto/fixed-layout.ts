import { Refusal } from '../errors.js';

const MAXIMUM_U64 = 2n ** 64n - 1n;

/**
 * Writes a fixed binary layout: little-endian integers, and byte strings as they are. A list is a u32 count, then its
 * items; a byte string whose length the layout does not fix is a u32 length, then the bytes.
 *
 * Integers out of range throw a `RangeError`: what is written is ours, so that would be a fault of the program.
 */
export class ByteWriter {
  private buffer: Uint8Array;
  private view: DataView;
  private length = 0;

  /** @param capacity - bytes to set aside at first; the writer grows as needed */
  constructor(capacity = 256) {
    this.buffer = new Uint8Array(Math.max(capacity, 16));
    this.view = new DataView(this.buffer.buffer);
  }

  u8(value: number): this {
    const at = this.reserve(1, value, 0xff);
    this.view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.reserve(2, value, 0xffff);
    this.view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.reserve(4, value, 0xffffffff);
    this.view.setUint32(at, value, true);
    return this;
  }

  /** @param value - in [0, 2^64); a number must be a safe integer */
  u64(value: number | bigint): this {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw outOfRange(value);
    const wide = BigInt(value);
    if (wide < 0n || wide > MAXIMUM_U64) throw outOfRange(value);
    const at = this.reserve(8);
    this.view.setBigUint64(at, wide, true);
    return this;
  }

  /** The bytes as they are, without a length before them. */
  bytes(bytes: Uint8Array): this {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  /** A u32 length, then the bytes. */
  sizedBytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).bytes(bytes);
  }

  /** A u32 count, then each item as `write` lays it out. */
  list<Item>(items: readonly Item[], write: (writer: this, item: Item) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** What was written, in an array of its own. */
  finish(): Uint8Array {
    // What is written from here on would not fit, and so goes into another array.
    if (this.length === this.buffer.length) return this.buffer;
    return this.buffer.slice(0, this.length);
  }

  private reserve(size: number, value = 0, maximum = 0): number {
    if (!Number.isInteger(value) || value < 0 || value > maximum) throw outOfRange(value);
    const at = this.length;
    this.length += size;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }
}

/**
 * Reads what {@link ByteWriter} wrote, strictly: a value has one encoding, and nothing may be missing or left over.
 * Arrays that it hands out are copies, but for {@link ByteReader.view} and {@link ByteReader.sizedView}.
 */
export class ByteReader {
  private readonly integers: DataView;
  private at = 0;

  constructor(private readonly source: Uint8Array) {
    this.integers = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  /** How many bytes are still unread. */
  get remaining(): number {
    return this.source.length - this.at;
  }

  u8(): number {
    return this.integers.getUint8(this.advance(1));
  }

  u16(): number {
    return this.integers.getUint16(this.advance(2), true);
  }

  u32(): number {
    return this.integers.getUint32(this.advance(4), true);
  }

  u64(): bigint {
    return this.integers.getBigUint64(this.advance(8), true);
  }

  /**
   * A u64 as a number.
   * @throws {Refusal} `wire.range` above 2^53 - 1.
   */
  safeU64(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new Refusal('wire.range', 'An integer is above 2^53 - 1.', 'The sender must stay below that.');
    }
    return Number(value);
  }

  /** The next `length` bytes. */
  bytes(length: number): Uint8Array {
    const from = this.advance(length);
    return this.source.slice(from, from + length);
  }

  /** The same where they lie: for what is long or many, and stays unchanged. */
  view(length: number): Uint8Array {
    const from = this.advance(length);
    return this.source.subarray(from, from + length);
  }

  /**
   * A u32 length, then so many bytes.
   * @throws {Refusal} `wire.too-long` above `maximum`.
   */
  sizedBytes(maximum: number): Uint8Array {
    return this.bytes(this.count(maximum));
  }

  /**
   * The same where they lie.
   * @throws {Refusal} `wire.too-long` above `maximum`.
   */
  sizedView(maximum: number): Uint8Array {
    return this.view(this.count(maximum));
  }

  /** Passes over the next `length` bytes. */
  skip(length: number): this {
    this.advance(length);
    return this;
  }

  /**
   * A u32 count, then each item as `read` takes it.
   * @throws {Refusal} `wire.too-long` above `maximum` items.
   */
  list<Item>(read: (reader: this) => Item, maximum: number): Item[] {
    const count = this.count(maximum);
    const items: Item[] = [];
    // Grown item by item: a count is only believed as far as bytes stand behind it.
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  /** @throws {Refusal} `wire.trailing` where bytes are left over. */
  finish(): void {
    if (this.remaining === 0) return;
    throw new Refusal(
      'wire.trailing',
      `${this.remaining} bytes follow the end of the message.`,
      'Both sides must run the same version of the protocol.',
    );
  }

  private count(maximum: number): number {
    const count = this.u32();
    if (count <= maximum) return count;
    throw new Refusal(
      'wire.too-long',
      `A list announces ${count} entries where at most ${maximum} may stand.`,
      'Both sides must run the same version of the protocol, with the same parameters.',
    );
  }

  private advance(size: number): number {
    if (size > this.remaining) {
      throw new Refusal(
        'wire.truncated',
        `The message ends ${size - this.remaining} bytes early.`,
        'Both sides must run the same version of the protocol.',
      );
    }
    const at = this.at;
    this.at += size;
    return at;
  }
}

function outOfRange(value: number | bigint): RangeError {
  return new RangeError(`${value} does not fit its place in the layout`);
}
