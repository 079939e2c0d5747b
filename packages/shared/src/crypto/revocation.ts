import { Refusal } from '../errors.js';
import { concatBytes, equalBytes, tag } from './bytes.js';
import { ByteReader, ByteWriter } from './fixed-layout.js';
import type { Primitives } from './primitives.js';

/** More serial numbers than this are not read: whoever revokes so many should enrol under a new authority key. */
const MAXIMUM_SERIALS = 1_000_000;

/** The certificates of one group that its authority has taken back. Each list replaces the one before it whole. */
export interface RevocationList {
  /** 32 bytes. */
  readonly groupId: Uint8Array;
  /** Grows with every list of a group. In 0..2^53-1. */
  readonly version: number;
  /** Serial numbers, ascending. */
  readonly serials: readonly number[];
  /** The authority's Ed25519 signature over `tag("revocation") || list`. */
  readonly signature: Uint8Array;
}

/** Signs a list. The serial numbers may come in any order, and more than once. */
export async function issueRevocationList(
  primitives: Primitives,
  authoritySecretKey: Uint8Array,
  list: Omit<RevocationList, 'signature'>,
): Promise<RevocationList> {
  const serials = [...new Set(list.serials)].sort((a, b) => a - b);
  const sorted = { groupId: list.groupId, version: list.version, serials };
  return { ...sorted, signature: await primitives.sign(authoritySecretKey, signedBytes(sorted)) };
}

/**
 * Checks a list against the authority's key and against the last list that was accepted.
 *
 * @param context.current - the list held so far: an older one is never taken back, and two lists of one version that
 * differ show that the authority signs both
 * @throws {Refusal} `revocation.signature`, `revocation.group`, `revocation.rolled-back`, `revocation.equivocation`;
 * `revocation.order` or `wire.…` where the bytes are not a list.
 */
export async function verifyRevocationList(
  primitives: Primitives,
  authorityPublicKey: Uint8Array,
  list: RevocationList | Uint8Array,
  context: { readonly groupId: Uint8Array; readonly current?: RevocationList | undefined },
): Promise<RevocationList> {
  const decoded = list instanceof Uint8Array ? decodeRevocationList(list) : list;
  if (!(await primitives.verify(authorityPublicKey, signedBytes(decoded), decoded.signature))) {
    throw refuse(
      'signature',
      'is not signed by this authority',
      'Fetch it from the authority that this group relies on.',
    );
  }
  if (!equalBytes(decoded.groupId, context.groupId)) {
    throw refuse('group', 'belongs to another group', "Fetch this group's list.");
  }
  const { current } = context;
  if (current !== undefined && decoded.version < current.version) {
    throw refuse('rolled-back', 'is older than the one already held', 'Fetch the newest list.');
  }
  if (current?.version === decoded.version && !equalBytes(signedBytes(current), signedBytes(decoded))) {
    throw refuse(
      'equivocation',
      'differs from another of the same version',
      'Ask the authority why it signed both.',
    );
  }
  return decoded;
}

/** Group, version as u64, the serial numbers as a list of u64, signature. */
export function encodeRevocationList(list: RevocationList): Uint8Array {
  return concatBytes(encodeBody(list), list.signature);
}

/** @throws {Refusal} `revocation.order` where the serial numbers do not ascend, `wire.…` where the bytes are not a list. */
export function decodeRevocationList(bytes: Uint8Array): RevocationList {
  const reader = new ByteReader(bytes);
  const list = {
    groupId: reader.bytes(32),
    version: reader.safeU64(),
    serials: reader.list((item) => item.safeU64(), MAXIMUM_SERIALS),
    signature: reader.bytes(64),
  };
  reader.finish();
  if (list.serials.some((serial, i) => i > 0 && serial <= (list.serials[i - 1] ?? 0))) {
    throw refuse('order', 'names its serial numbers out of order', 'Fetch it again from the authority.');
  }
  return list;
}

function signedBytes(list: Omit<RevocationList, 'signature'>): Uint8Array {
  return concatBytes(tag('revocation'), encodeBody(list));
}

function encodeBody({ groupId, version, serials }: Omit<RevocationList, 'signature'>): Uint8Array {
  return new ByteWriter()
    .bytes(groupId)
    .u64(version)
    .list(serials, (writer, serial) => writer.u64(serial))
    .finish();
}

function refuse(code: string, finding: string, remedy: string): Refusal {
  return new Refusal(`revocation.${code}`, `A revocation list ${finding}.`, remedy);
}
