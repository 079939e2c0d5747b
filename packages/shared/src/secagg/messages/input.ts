import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { malformed, requireAscending } from '../message.js';

/**
 * A client's masked vector. Signed `masked` over context, sharers hash, index and vector hash: the neighbours hold that
 * signature as evidence that the client masked under the same set of sharers as they.
 */
export interface Masked {
  /** Residues, little-endian. */
  readonly vector: Uint8Array;
  /** Neighbours whose shares were missing or did not open, ascending. */
  readonly missing: readonly number[];
  readonly signature: Uint8Array;
}

/**
 * The body with room for the vector, which begins four bytes in: lanes of up to 32 bits are aligned there, so that masks are added in place.
 * `finish` fills in the signature.
 */
export function beginMasked(
  length: number,
  missing: readonly number[],
): { body: Uint8Array; vector: Uint8Array; finish(signature: Uint8Array): void } {
  const tail = new ByteWriter().list(missing, (writer, index) => writer.u32(index)).finish();
  const body = new Uint8Array(4 + length + tail.length + 64);
  new DataView(body.buffer).setUint32(0, length, true);
  body.set(tail, 4 + length);
  return {
    body,
    vector: body.subarray(4, 4 + length),
    finish: (signature) => body.set(signature, body.length - 64),
  };
}

/** @param length - bytes of a vector in this round: any other length is refused */
export function decodeMasked(body: Uint8Array, length: number, rosterSize: number): Masked {
  const reader = new ByteReader(body);
  if (reader.u32() !== length) throw malformed(`a masked vector of other than ${length} bytes`);
  const vector = reader.bytes(length);
  const missing = reader.list(() => reader.u32(), rosterSize);
  const signature = reader.bytes(64);
  reader.finish();
  requireAscending(missing, (index) => index);
  return { vector, missing, signature };
}
