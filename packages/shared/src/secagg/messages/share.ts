import { concatBytes } from '../../crypto/bytes.js';
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
  return concatBytes(context, selfCommitment, encodeSealedList(sealed), signature);
}

/** The list as it is sent and hashed. */
export function encodeSealedList(sealed: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter(4 + sealed.length * SEALED_SHARES_LENGTH)
    .list(sealed, (writer, ciphertext) => writer.bytes(ciphertext))
    .finish();
}

/** A message that came. The list, and what is sealed, are where the message lies: not copies. */
export interface ReceivedShares extends Shares {
  /** As it was sent: what {@link encodeSealedList} would give. */
  readonly list: Uint8Array;
}

/** @param degree - neighbours of every client: the list has that length or the message is refused */
export function decodeShares(body: Uint8Array, degree: number): ReceivedShares {
  const reader = new ByteReader(body);
  const context = reader.bytes(32);
  const selfCommitment = reader.bytes(32);
  const sealed = reader.list(() => reader.view(SEALED_SHARES_LENGTH), degree);
  if (sealed.length !== degree) throw malformed(`shares for other than ${degree} neighbours`);
  const signature = reader.bytes(64);
  reader.finish();
  return { context, selfCommitment, sealed, signature, list: body.subarray(64, body.length - 64) };
}

/** What is sealed for the neighbour at this place in a list that was decoded: where it lies, not a copy. */
export function sealedFor(list: Uint8Array, place: number): Uint8Array {
  const at = 4 + place * SEALED_SHARES_LENGTH;
  return list.subarray(at, at + SEALED_SHARES_LENGTH);
}

/** What a client's neighbours sealed for it, and who shared keys at all. An entry may be missing; none comes twice. */
export interface Inbox {
  readonly sharers: Uint8Array;
  /** By ascending sender. */
  readonly entries: readonly InboxEntry[];
}

export interface InboxEntry {
  readonly from: number;
  readonly sealed: Uint8Array;
}

export function encodeInbox({ sharers, entries }: Inbox): Uint8Array {
  return new ByteWriter(8 + sharers.length + entries.length * (4 + SEALED_SHARES_LENGTH))
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
