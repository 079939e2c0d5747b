import { Refusal } from '../errors.js';
import { concatBytes, equalBytes, tag } from './bytes.js';
import { isEdwardsPoint } from './curve25519.js';
import { ByteReader, ByteWriter } from './fixed-layout.js';
import type { Primitives } from './primitives.js';
import type { RevocationList } from './revocation.js';

const SIGNATURE_BYTES = 64;

/** Bytes of an encoded certificate. */
export const CERTIFICATE_BYTES = 32 + 32 + 8 + 8 + 8 + SIGNATURE_BYTES;

/** What an enrolment authority states about an identity. */
export interface CertificateClaims {
  /** The Ed25519 public key that is enrolled, 32 bytes. */
  readonly identity: Uint8Array;
  /** The group of clients that it may take part in, 32 bytes. */
  readonly groupId: Uint8Array;
  /** The first millisecond of the Unix epoch at which it is valid. */
  readonly notBefore: number;
  /** The last one. */
  readonly notAfter: number;
  /** Names the certificate in the authority's revocation list. In 0..2^53-1. */
  readonly serial: number;
}

/** Claims with the authority's Ed25519 signature over `tag("certificate") || claims`. */
export interface Certificate extends CertificateClaims {
  readonly signature: Uint8Array;
}

/**
 * Enrols an identity.
 * @throws {Refusal} `certificate.claims` where a key or group has not 32 bytes, the key is of small order, a number is not in 0..2^53-1, or the
 * certificate would end before it begins.
 */
export async function issueCertificate(
  primitives: Primitives,
  authoritySecretKey: Uint8Array,
  claims: CertificateClaims,
): Promise<Certificate> {
  const { identity, groupId, notBefore, notAfter, serial } = claims;
  const numbers = [notBefore, notAfter, serial];
  if (
    identity.length !== 32 ||
    !isEdwardsPoint(identity) ||
    groupId.length !== 32 ||
    numbers.some((number) => !Number.isSafeInteger(number) || number < 0) ||
    notAfter < notBefore
  ) {
    throw new Refusal(
      'certificate.claims',
      'A certificate was asked for whose claims cannot be encoded.',
      'Give a 32-byte Ed25519 public key and group, times in milliseconds with notBefore <= notAfter, and a serial number from 0.',
    );
  }
  return { ...claims, signature: await primitives.sign(authoritySecretKey, signedBytes(claims)) };
}

/**
 * Checks that `authorityPublicKey` certified the identity for this group and this moment.
 *
 * @param context.now - milliseconds of the Unix epoch
 * @param context.revocations - the newest list that the caller has verified
 * @returns the certificate, decoded where it came as bytes
 * @throws {Refusal} `certificate.signature`, `certificate.group`, `certificate.not-yet-valid`, `certificate.expired`,
 * `certificate.revoked`; `wire.…` where the bytes are not a certificate.
 */
export async function verifyCertificate(
  primitives: Primitives,
  authorityPublicKey: Uint8Array,
  certificate: Certificate | Uint8Array,
  context: {
    readonly groupId: Uint8Array;
    readonly now: number;
    readonly revocations?: RevocationList | undefined;
  },
): Promise<Certificate> {
  const decoded = certificate instanceof Uint8Array ? decodeCertificate(certificate) : certificate;
  if (!(await primitives.verify(authorityPublicKey, signedBytes(decoded), decoded.signature))) {
    throw refuse(
      'signature',
      'is not signed by this authority',
      'Enrol with the authority that this group relies on.',
    );
  }
  if (!equalBytes(decoded.groupId, context.groupId)) {
    throw refuse('group', 'belongs to another group', 'Enrol in this group.');
  }
  if (!(context.now >= decoded.notBefore)) {
    throw refuse('not-yet-valid', 'is not valid yet', 'Check the clocks, or wait.');
  }
  if (!(context.now <= decoded.notAfter)) throw refuse('expired', 'has expired', 'Enrol again.');
  if (context.revocations?.serials.includes(decoded.serial) === true) {
    throw refuse('revoked', 'has been revoked', 'Enrol again with a new identity.');
  }
  return decoded;
}

/** {@link CERTIFICATE_BYTES} bytes: identity, group, notBefore, notAfter and serial as u64, signature. */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  return concatBytes(encodeClaims(certificate), certificate.signature);
}

/** @throws {Refusal} `wire.truncated`, `wire.trailing` or `wire.range` where the bytes are not a certificate. */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const reader = new ByteReader(bytes);
  const certificate = {
    identity: reader.bytes(32),
    groupId: reader.bytes(32),
    notBefore: reader.safeU64(),
    notAfter: reader.safeU64(),
    serial: reader.safeU64(),
    signature: reader.bytes(SIGNATURE_BYTES),
  };
  reader.finish();
  return certificate;
}

function signedBytes(claims: CertificateClaims): Uint8Array {
  return concatBytes(tag('certificate'), encodeClaims(claims));
}

function encodeClaims({ identity, groupId, notBefore, notAfter, serial }: CertificateClaims): Uint8Array {
  return new ByteWriter(CERTIFICATE_BYTES)
    .bytes(identity)
    .bytes(groupId)
    .u64(notBefore)
    .u64(notAfter)
    .u64(serial)
    .finish();
}

function refuse(code: string, finding: string, remedy: string): Refusal {
  return new Refusal(`certificate.${code}`, `A certificate ${finding}.`, remedy);
}
