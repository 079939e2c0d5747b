import { fromHex } from './bytes.js';

/**
 * The drand network `quicknet` of the League of Entropy: a value every three seconds, each a BLS signature over its number alone, which
 * nobody knows before a threshold of the network's members has made it. Pinned, as its operators publish it.
 */
export const QUICKNET = {
  chain: fromHex('52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971'),
  /** In G2, compressed. */
  publicKey: fromHex(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451' +
      '0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  ),
  /** Unix seconds at which value 1 came out. */
  genesis: 1_692_803_367,
  /** Seconds. */
  period: 3,
} as const;

/** Domain of the scheme `bls-unchained-g1-rfc9380`. */
const DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/**
 * The value of a round of quicknet, 32 bytes, or undefined where the signature is not the network's. There is one signature of each
 * round and one encoding of it, so that there is one value: points outside the prime-order subgroup are refused, by which a second could be made.
 *
 * @param round - from 1
 * @param signature - in G1, compressed: 48 bytes
 */
export async function quicknetValue(round: number, signature: Uint8Array): Promise<Uint8Array | undefined> {
  // Loaded when it is asked for: pairings are a large module, and few rounds need a beacon.
  const [{ bls12_381 }, { sha256 }] = await Promise.all([
    import('@noble/curves/bls12-381.js'),
    import('@noble/hashes/sha2.js'),
  ]);
  if (!Number.isSafeInteger(round) || round < 1 || signature.length !== 48) return undefined;
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(round));
  const { shortSignatures } = bls12_381;
  try {
    const point = shortSignatures.Signature.fromBytes(signature);
    point.assertValidity();
    const message = shortSignatures.hash(sha256(number), DOMAIN);
    return shortSignatures.verify(point, message, QUICKNET.publicKey) ? sha256(signature) : undefined;
  } catch {
    // The library throws where the bytes are no point of the group.
    return undefined;
  }
}
