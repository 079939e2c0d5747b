/** Residues modulo 2^8, 2^16 or 2^32: one element of a masked vector a lane. */
export type Lanes = Uint8Array | Uint16Array | Uint32Array;

/** The width of a lane. */
export type LaneBits = 8 | 16 | 32;

export function laneBitsOf(lanes: Lanes): LaneBits {
  return lanes.BYTES_PER_ELEMENT === 1 ? 8 : lanes.BYTES_PER_ELEMENT === 2 ? 16 : 32;
}

/** The lanes' memory as bytes, in the host's order. Not a copy. */
export function laneBytes(lanes: Lanes): Uint8Array {
  return new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength);
}
