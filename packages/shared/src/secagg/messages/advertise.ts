import { concatBytes } from '../../crypto/bytes.js';
import { ByteReader, ByteWriter } from '../../crypto/fixed-layout.js';

import { requireAscending } from '../message.js';
import { decodeRoundParameters, LARGEST_ROSTER, type RoundParameters } from '../round-parameters.js';

const LARGEST_CERTIFICATE = 1024;
const LARGEST_ADVERT = 5 * 32 + 4 + LARGEST_CERTIFICATE + 64;

/** The coordinator opens a round. Signed `params` over the encoded parameters. */
export interface RoundOpen {
  readonly encodedParameters: Uint8Array;
  readonly parameters: RoundParameters;
  readonly signature: Uint8Array;
}

export function encodeRoundOpen(encodedParameters: Uint8Array, signature: Uint8Array): Uint8Array {
  return new ByteWriter().sizedBytes(encodedParameters).bytes(signature).finish();
}

export function decodeRoundOpen(body: Uint8Array): RoundOpen {
  const reader = new ByteReader(body);
  const encodedParameters = reader.sizedBytes(2048);
  const signature = reader.bytes(64);
  reader.finish();
  return { encodedParameters, parameters: decodeRoundParameters(encodedParameters), signature };
}

/** A client joins with fresh keys. Signed `advert` over everything before the signature. */
export interface Advert {
  readonly parametersHash: Uint8Array;
  /** Ed25519, long-lived. */
  readonly identity: Uint8Array;
  /** X25519, for this round: seals shares. */
  readonly sealingKey: Uint8Array;
  /** X25519, for this round: pairwise masks. Apart from the other, because it is rebuilt when its owner is lost. */
  readonly maskingKey: Uint8Array;
  /** Hash of the client's share of the graph seed with `ring-reveal`, else zeros. */
  readonly seedCommitment: Uint8Array;
  readonly certificate: Uint8Array;
  readonly signature: Uint8Array;
  /** The whole message. */
  readonly body: Uint8Array;
}

type UnsignedAdvert = Omit<Advert, 'signature' | 'body'>;

/** Read where it lies: a roster is long, every client holds it, and looks at little of it. Nobody changes the message afterwards. */
class AdvertInPlace implements Advert {
  constructor(readonly body: Uint8Array) {}

  get parametersHash(): Uint8Array {
    return this.body.subarray(0, 32);
  }

  get identity(): Uint8Array {
    return this.body.subarray(32, 64);
  }

  get sealingKey(): Uint8Array {
    return this.body.subarray(64, 96);
  }

  get maskingKey(): Uint8Array {
    return this.body.subarray(96, 128);
  }

  get seedCommitment(): Uint8Array {
    return this.body.subarray(128, 160);
  }

  get certificate(): Uint8Array {
    return this.body.subarray(164, this.body.length - 64);
  }

  get signature(): Uint8Array {
    return this.body.subarray(this.body.length - 64);
  }
}

/** What an advert's signature is over. */
export function advertContent(advert: UnsignedAdvert): Uint8Array {
  return new ByteWriter(5 * 32 + 4 + advert.certificate.length)
    .bytes(advert.parametersHash)
    .bytes(advert.identity)
    .bytes(advert.sealingKey)
    .bytes(advert.maskingKey)
    .bytes(advert.seedCommitment)
    .sizedBytes(advert.certificate)
    .finish();
}

export function encodeAdvert(content: Uint8Array, signature: Uint8Array): Uint8Array {
  return concatBytes(content, signature);
}

export function decodeAdvert(body: Uint8Array): Advert {
  const reader = new ByteReader(body);
  reader.skip(5 * 32).sizedView(LARGEST_CERTIFICATE);
  reader.skip(64).finish();
  return new AdvertInPlace(body);
}

/** Everybody who advertised. Signed `roster` over parameters hash, roster hash and the coordinator's seed, if it drew one. */
export interface RosterMessage {
  readonly adverts: readonly Advert[];
  /** With `ring-server`, 32 bytes; else empty. */
  readonly seed: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeRoster(
  adverts: readonly Uint8Array[],
  seed: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return new ByteWriter()
    .list(adverts, (writer, advert) => writer.sizedBytes(advert))
    .sizedBytes(seed)
    .bytes(signature)
    .finish();
}

export function decodeRoster(body: Uint8Array): RosterMessage {
  const reader = new ByteReader(body);
  const adverts = reader.list(() => decodeAdvert(reader.sizedView(LARGEST_ADVERT)), LARGEST_ROSTER);
  const seed = reader.sizedBytes(32);
  const signature = reader.bytes(64);
  reader.finish();
  return { adverts, seed, signature };
}

/** A client opens its commitment. Signed `seedreveal` over parameters hash, roster hash and seed. */
export interface SeedReveal {
  readonly seed: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeSeedReveal({ seed, signature }: SeedReveal): Uint8Array {
  return concatBytes(seed, signature);
}

export function decodeSeedReveal(body: Uint8Array): SeedReveal {
  const reader = new ByteReader(body);
  const reveal = { seed: reader.bytes(32), signature: reader.bytes(64) };
  reader.finish();
  return reveal;
}

/** The seeds that were opened, by ascending index. */
export type Seeds = readonly { readonly index: number; readonly seed: Uint8Array }[];

export function encodeSeeds(seeds: Seeds): Uint8Array {
  return new ByteWriter().list(seeds, (writer, { index, seed }) => writer.u32(index).bytes(seed)).finish();
}

export function decodeSeeds(body: Uint8Array): Seeds {
  const reader = new ByteReader(body);
  const seeds = reader.list(() => ({ index: reader.u32(), seed: reader.bytes(32) }), LARGEST_ROSTER);
  reader.finish();
  requireAscending(seeds, ({ index }) => index);
  return seeds;
}
