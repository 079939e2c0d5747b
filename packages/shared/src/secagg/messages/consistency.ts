import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { requireAscending } from '../message.js';

/** Whose vectors are in the sum, with the evidence for each neighbour of the receiver that is among them, by ascending index. */
export interface Survivors {
  readonly survivors: Uint8Array;
  readonly evidence: readonly Evidence[];
}

/** What a neighbour signed when it sent its masked vector. */
export interface Evidence {
  readonly vectorHash: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeSurvivors({ survivors, evidence }: Survivors): Uint8Array {
  return new ByteWriter(8 + survivors.length + evidence.length * 96)
    .sizedBytes(survivors)
    .list(evidence, (writer, { vectorHash, signature }) => writer.bytes(vectorHash).bytes(signature))
    .finish();
}

export function decodeSurvivors(body: Uint8Array, rosterSize: number): Survivors {
  const reader = new ByteReader(body);
  const survivors = reader.sizedBytes(rosterSize);
  const evidence = reader.list(
    () => ({ vectorHash: reader.bytes(32), signature: reader.bytes(64) }),
    rosterSize,
  );
  reader.finish();
  return { survivors, evidence };
}

/** A client's signature `u3` over context, sharers hash, survivors hash and index. It signs once in a round. */
export function decodeConsistency(body: Uint8Array): Uint8Array {
  const reader = new ByteReader(body);
  const signature = reader.bytes(64);
  reader.finish();
  return signature;
}

/** Signatures of a quorum of survivors over one set of survivors, by ascending index. */
export type Quorum = readonly { readonly index: number; readonly signature: Uint8Array }[];

export function encodeQuorum(quorum: Quorum): Uint8Array {
  return new ByteWriter(4 + quorum.length * 68)
    .list(quorum, (writer, { index, signature }) => writer.u32(index).bytes(signature))
    .finish();
}

export function decodeQuorum(body: Uint8Array, rosterSize: number): Quorum {
  const reader = new ByteReader(body);
  const quorum = reader.list(() => ({ index: reader.u32(), signature: reader.bytes(64) }), rosterSize);
  reader.finish();
  requireAscending(quorum, ({ index }) => index);
  return quorum;
}
