import { concatBytes } from '../../crypto/bytes.js';
import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { malformed, requireAscending } from '../message.js';

/** Bytes of one Shamir share of 32 bytes: 18 limbs of 16 bits. */
export const SHARE_LENGTH = 36;

/** A share that a client held of another's secret. */
export interface HeldShare {
  readonly owner: number;
  readonly x: number;
  readonly share: Uint8Array;
}

/**
 * What a client gives for unmasking: its own seed, of each neighbour that survived the share of its seed, of each that was lost the share of its masking
 * key, never both of one. Signed `unmask` over context, survivors hash, index and the hash of the rest.
 */
export interface Reveal {
  readonly context: Uint8Array;
  readonly survivorsHash: Uint8Array;
  readonly selfSeed: Uint8Array;
  /** By ascending owner. */
  readonly seedShares: readonly HeldShare[];
  /** By ascending owner. */
  readonly keyShares: readonly HeldShare[];
  readonly signature: Uint8Array;
}

export function encodeReveal(reveal: Reveal): Uint8Array {
  return concatBytes(reveal.context, reveal.survivorsHash, encodeRevealed(reveal), reveal.signature);
}

/** The secrets and shares, as they are sent and hashed. */
export function encodeRevealed({
  selfSeed,
  seedShares,
  keyShares,
}: Pick<Reveal, 'selfSeed' | 'seedShares' | 'keyShares'>): Uint8Array {
  const shares = seedShares.length + keyShares.length;
  const writer = new ByteWriter(40 + shares * (6 + SHARE_LENGTH)).bytes(selfSeed);
  for (const list of [seedShares, keyShares]) {
    writer.list(list, (_, { owner, x, share }) => writer.u32(owner).u16(x).bytes(share));
  }
  return writer.finish();
}

/** A message that came. */
export interface ReceivedReveal extends Reveal {
  /** The secrets and shares as they were sent, where the message lies. */
  readonly revealed: Uint8Array;
}

/** @param degree - neighbours of every client: no list is longer */
export function decodeReveal(body: Uint8Array, degree: number): ReceivedReveal {
  const reader = new ByteReader(body);
  const context = reader.bytes(32);
  const survivorsHash = reader.bytes(32);
  const revealed = reader.view(Math.max(0, reader.remaining - 64));
  const signature = reader.bytes(64);
  return { context, survivorsHash, ...decodeRevealed(revealed, degree), signature, revealed };
}

/** The other direction of {@link encodeRevealed}. Shares are where the message lies; the seed is a copy, for it is wiped after use. */
export function decodeRevealed(
  revealed: Uint8Array,
  degree: number,
): Pick<Reveal, 'selfSeed' | 'seedShares' | 'keyShares'> {
  const reader = new ByteReader(revealed);
  const content = {
    selfSeed: reader.bytes(32),
    seedShares: readShares(reader, degree),
    keyShares: readShares(reader, degree),
  };
  reader.finish();
  return content;
}

function readShares(reader: ByteReader, degree: number): HeldShare[] {
  const shares = reader.list(
    () => ({ owner: reader.u32(), x: reader.u16(), share: reader.view(SHARE_LENGTH) }),
    degree,
  );
  requireAscending(shares, ({ owner }) => owner);
  return shares;
}

/** What became of the round. Signed `result` by the coordinator over everything before the signature. */
export interface Result {
  /** SHA-256 of the sum's bytes. */
  readonly sumHash: Uint8Array;
  readonly survivors: number;
  /** Hash over parameters, roster, sharers, survivors and quorum. */
  readonly transcript: Uint8Array;
  readonly signature: Uint8Array;
}

export function resultContent({ sumHash, survivors, transcript }: Omit<Result, 'signature'>): Uint8Array {
  return new ByteWriter().bytes(sumHash).u32(survivors).bytes(transcript).finish();
}

export function encodeResult(result: Result): Uint8Array {
  return new ByteWriter().bytes(resultContent(result)).bytes(result.signature).finish();
}

export function decodeResult(body: Uint8Array): Result {
  const reader = new ByteReader(body);
  const result = {
    sumHash: reader.bytes(32),
    survivors: reader.u32(),
    transcript: reader.bytes(32),
    signature: reader.bytes(64),
  };
  reader.finish();
  return result;
}

/** Either side leaves the round. Signed `abort` over parameters hash and code; the code says nothing that depends on a secret. */
export interface Abort {
  readonly code: string;
  readonly signature: Uint8Array;
}

const CODE = /^[a-z0-9.-]{1,64}$/;

export function encodeAbort({ code, signature }: Abort): Uint8Array {
  return new ByteWriter().sizedBytes(new TextEncoder().encode(code)).bytes(signature).finish();
}

export function decodeAbort(body: Uint8Array): Abort {
  const reader = new ByteReader(body);
  const code = new TextDecoder().decode(reader.sizedBytes(64));
  const signature = reader.bytes(64);
  reader.finish();
  if (!CODE.test(code)) throw malformed('an abort without a code');
  return { code, signature };
}
