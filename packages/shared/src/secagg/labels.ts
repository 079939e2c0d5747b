import { concatBytes, tag as protocolTag } from '../crypto/bytes.js';
import type { Primitives } from '../crypto/primitives.js';

/** What a hash, a derived key or a signature is for. One made for one purpose never passes for another. */
export type Label =
  // signatures
  | 'params'
  | 'advert'
  | 'roster'
  | 'seedreveal'
  | 'shares'
  | 'masked'
  | 'u3'
  | 'unmask'
  | 'result'
  | 'abort'
  // hashes
  | 'leaf'
  | 'seed'
  | 'nograph'
  | 'graph'
  | 'ctx'
  | 'U2'
  | 'U3'
  | 'selfcommit'
  | 'y'
  | 'list'
  | 'quorum'
  | 'transcript'
  // derived keys
  | 'perm'
  | 'share'
  | 'pair'
  | 'self';

const tags = new Map<Label, Uint8Array>();

/** The protocol's name, the label and a zero byte: no tag is the beginning of another. */
export function tag(label: Label): Uint8Array {
  let bytes = tags.get(label);
  if (!bytes) {
    bytes = protocolTag(label);
    tags.set(label, bytes);
  }
  return bytes;
}

/** SHA-256 of the tag and the parts. Whoever calls makes the parts unambiguous: fixed lengths, or lengths written before them. */
export function labelledHash(
  primitives: Primitives,
  label: Label,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return primitives.sha256(tag(label), ...parts);
}

/** Ed25519 over the tag and the parts. */
export function signLabelled(
  primitives: Primitives,
  secretKey: Uint8Array,
  label: Label,
  ...parts: readonly Uint8Array[]
): Promise<Uint8Array> {
  return primitives.sign(secretKey, concatBytes(tag(label), ...parts));
}

/** Whether `signature` is one of {@link signLabelled}. Never throws. */
export function verifyLabelled(
  primitives: Primitives,
  publicKey: Uint8Array,
  signature: Uint8Array,
  label: Label,
  ...parts: readonly Uint8Array[]
): Promise<boolean> {
  return primitives.verify(publicKey, concatBytes(tag(label), ...parts), signature);
}

/** A number as 4 bytes, little-endian. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
