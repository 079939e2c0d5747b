import { malformed } from '../message.js';

const SIGNATURE_LENGTH = 64;

/**
 * A client's masked vector, then its signature: `masked` over context, sharers hash, index and vector hash. The neighbours hold that
 * signature as evidence that the client masked under the same set of sharers as they.
 */
export interface Masked {
  /** Residues, little-endian. Where the message lies: not a copy. */
  readonly vector: Uint8Array;
  readonly signature: Uint8Array;
}

/** The body with room for the vector at its beginning, where lanes of any width are aligned, so that masks are added in place. `finish` fills in the signature. */
export function beginMasked(length: number): {
  body: Uint8Array;
  vector: Uint8Array;
  finish(signature: Uint8Array): void;
} {
  const body = new Uint8Array(length + SIGNATURE_LENGTH);
  return { body, vector: body.subarray(0, length), finish: (signature) => body.set(signature, length) };
}

/** @param length - bytes of a vector in this round: any other length is refused */
export function decodeMasked(body: Uint8Array, length: number): Masked {
  if (body.length !== length + SIGNATURE_LENGTH)
    throw malformed(`a masked vector of other than ${length} bytes`);
  return { vector: body.subarray(0, length), signature: body.slice(length) };
}
