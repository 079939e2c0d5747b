import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import { malformed, requireAscending } from '../message.js';

/** 114 bytes of plaintext (context, from, to, x, two shares) and 16 of authentication. */
export const SEALED_SHARES_LENGTH = 130;

/** A client's shares for each neighbour, sealed. Signed `shares` over context, index, self commitment and the hash of the list. */
export interface Shares {
  readonly context: Uint8Array;
  /** Commits the client to the seed of its own mask. */
  readonly selfCommitment: Uint8Array;
  /** By ascending neighbour. */
  readonly sealed: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

export function encodeShares({ context, selfCommitment, sealed, signature }: Shares): Uint8Array {
  return new ByteWriter()
    .bytes(context)
    .bytes(selfCommitment)
    .bytes(encodeSealedList(sealed))
    .bytes(signature)
    .finish();
}

/** The list as it is sent and hashed. */
export function encodeSealedList(sealed: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter().list(sealed, (writer, ciphertext) => writer.bytes(ciphertext)).finish();
}

/** @param degree - neighbours of every client: the list has that length or the message is refused */
export function decodeShares(body: Uint8Array, degree: number): Shares {
  const reader = new ByteReader(body);
  const context = reader.bytes(32);
  const selfCommitment = reader.bytes(32);
  const sealed = reader.list(() => reader.bytes(SEALED_SHARES_LENGTH), degree);
  if (sealed.length !== degree) throw malformed(`shares for other than ${degree} neighbours`);
  const signature = reader.bytes(64);
  reader.finish();
  return { context, selfCommitment, sealed, signature };
}

/** What a client's neighbours sealed for it, and who shared keys at all. An entry may be missing; none comes twice. */
export interface Inbox {
  readonly sharers: Uint8Array;
  /** By ascending sender. */
  readonly entries: readonly { readonly from: number; readonly sealed: Uint8Array }[];
}

export function encodeInbox({ sharers, entries }: Inbox): Uint8Array {
  return new ByteWriter()
    .sizedBytes(sharers)
    .list(entries, (writer, { from, sealed }) => writer.u32(from).bytes(sealed))
    .finish();
}

export function decodeInbox(body: Uint8Array, rosterSize: number): Inbox {
  const reader = new ByteReader(body);
  const sharers = reader.sizedBytes(rosterSize);
  const entries = reader.list(
    () => ({ from: reader.u32(), sealed: reader.bytes(SEALED_SHARES_LENGTH) }),
    rosterSize,
  );
  reader.finish();
  requireAscending(entries, ({ from }) => from);
  return { sharers, entries };
}
