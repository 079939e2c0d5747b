/** The first counter block of every key stream: what AES-256-GCM uses for its first block under the zero nonce. */
const FIRST_COUNTER = 2n;
const BLOCK = 16;

/**
 * The place in one continuous key stream, for engines that encrypt whole calls from a counter block they are given.
 * Moving on is synchronous, so reads that overlap in time still get consecutive pieces.
 */
export class CounterPosition {
  private offset = 0;

  /**
   * The next `length` bytes: encrypt `skip + length` zeros from `counter` and drop the first `skip` (in 0..15).
   */
  take(length: number): { counter: Uint8Array<ArrayBuffer>; skip: number } {
    const skip = this.offset % BLOCK;
    const counter = new Uint8Array(BLOCK);
    new DataView(counter.buffer).setBigUint64(8, FIRST_COUNTER + BigInt((this.offset - skip) / BLOCK));
    this.offset += length;
    return { counter, skip };
  }
}
