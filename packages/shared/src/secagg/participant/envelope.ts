import { concatBytes, equalBytes } from '../../crypto/bytes.js';
import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';
import type { KeyPair } from '../../crypto/primitives.js';
import { decodeShare } from '../../crypto/shamir.js';
import { SEALED_SHARES_LENGTH } from '../messages/share.js';
import { SHARE_LENGTH } from '../messages/unmask.js';
import { memberOf, sealingKey, type RoundContext } from '../round-context.js';
import type { Environment } from './environment.js';
import type { Received } from './states.js';

/**
 * Seals a neighbour's two shares. NaCl's secretbox binds nothing but its message, so the message itself says which round, from whom,
 * for whom and at which x.
 */
export async function sealEnvelope(
  environment: Environment,
  round: RoundContext,
  sealing: KeyPair,
  from: number,
  to: number,
  x: number,
  { seedShare, keyShare }: Received,
): Promise<Uint8Array> {
  // The writer keeps what goes through it, so that only the header does.
  const header = new ByteWriter().bytes(round.hash).u32(from).u32(to).u16(x).finish();
  const plain = environment.secrets.keep(concatBytes(header, seedShare, keyShare));
  const key = await envelopeKey(environment, round, sealing, to, { from, to });
  const sealed = environment.primitives.seal(key, plain);
  environment.secrets.drop(key, plain);
  return sealed;
}

/** Undefined where the envelope was not sealed by `from` for this client in this round, or holds no shares. */
export async function openEnvelope(
  environment: Environment,
  round: RoundContext,
  sealing: KeyPair,
  from: number,
  to: number,
  sealed: Uint8Array,
): Promise<Received | undefined> {
  if (sealed.length !== SEALED_SHARES_LENGTH) return undefined;
  const key = await envelopeKey(environment, round, sealing, from, { from, to });
  const plain = environment.primitives.open(key, sealed);
  environment.secrets.drop(key);
  if (plain === undefined) return undefined;
  const reader = new ByteReader(plain);
  const header = { context: reader.bytes(32), from: reader.u32(), to: reader.u32(), x: reader.u16() };
  const shares = { seedShare: reader.bytes(SHARE_LENGTH), keyShare: reader.bytes(SHARE_LENGTH) };
  environment.secrets.drop(plain);
  const expected =
    equalBytes(header.context, round.hash) &&
    header.from === from &&
    header.to === to &&
    header.x === round.graph.rank(from, to) + 1;
  const wellFormed =
    decodeShare(shares.seedShare) !== undefined && decodeShare(shares.keyShare) !== undefined;
  if (expected && wellFormed) return shares;
  environment.secrets.drop(shares.seedShare, shares.keyShare);
  return undefined;
}

async function envelopeKey(
  { primitives, secrets }: Environment,
  round: RoundContext,
  { secretKey }: KeyPair,
  other: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Uint8Array> {
  const agreed = await primitives.agree(secretKey, memberOf(round.roster, other).sealingKey);
  const key = sealingKey(primitives, round, agreed, from, to);
  secrets.drop(agreed);
  return key;
}
