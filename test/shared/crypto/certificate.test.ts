import { beforeAll, describe, expect, it } from 'vitest';
import {
  CERTIFICATE_BYTES,
  concatBytes,
  createIdentity,
  decodeCertificate,
  decodeRevocationList,
  encodeCertificate,
  encodeRevocationList,
  issueCertificate,
  issueRevocationList,
  portable,
  randomBytes,
  verifyCertificate,
  verifyRevocationList,
  type Certificate,
  type CertificateClaims,
  type Identity,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';

const code = (code: string) => expect.objectContaining({ code }) as Error;
const random = seededRandom('certificates');
const groupId = randomBytes(random, 32);
const NOW = 1_700_000_000_000;

let authority: Identity;
let client: Identity;
let claims: CertificateClaims;
let certificate: Certificate;

beforeAll(async () => {
  authority = await createIdentity(primitives, random);
  client = await createIdentity(primitives, random);
  claims = { identity: client.publicKey, groupId, notBefore: NOW - 1000, notAfter: NOW + 1000, serial: 7 };
  certificate = await issueCertificate(primitives, authority.secretKey, claims);
});

describe('a certificate', () => {
  it('holds for its identity, group and time, decoded or not, on every backend', async () => {
    const context = { groupId, now: NOW };
    expect(await verifyCertificate(primitives, authority.publicKey, certificate, context)).toEqual(
      certificate,
    );
    const encoded = encodeCertificate(certificate);
    expect(encoded).toHaveLength(CERTIFICATE_BYTES);
    expect(decodeCertificate(encoded)).toEqual(certificate);
    expect(await verifyCertificate(portable, authority.publicKey, encoded, context)).toEqual(certificate);
  });

  it('holds at the first and last millisecond, not one beyond', async () => {
    const at = (now: number) =>
      verifyCertificate(primitives, authority.publicKey, certificate, { groupId, now });
    await expect(at(NOW - 1000)).resolves.toBeDefined();
    await expect(at(NOW + 1000)).resolves.toBeDefined();
    await expect(at(NOW - 1001)).rejects.toThrow(code('certificate.not-yet-valid'));
    await expect(at(NOW + 1001)).rejects.toThrow(code('certificate.expired'));
    await expect(at(Number.NaN)).rejects.toThrow(code('certificate.not-yet-valid'));
  });

  it('is refused with any bit of it changed', async () => {
    const encoded = encodeCertificate(certificate);
    for (let at = 0; at < encoded.length; at++) {
      const changed = encoded.with(at, encoded[at]! ^ 1);
      await expect(
        verifyCertificate(primitives, authority.publicKey, changed, { groupId, now: NOW }),
      ).rejects.toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^(certificate\.signature|wire\.range)$/) as string,
        }),
      );
    }
  });

  it('is refused from another authority, for another group, cut short or drawn out', async () => {
    const context = { groupId, now: NOW };
    const encoded = encodeCertificate(certificate);
    await expect(verifyCertificate(primitives, client.publicKey, encoded, context)).rejects.toThrow(
      code('certificate.signature'),
    );
    await expect(
      verifyCertificate(primitives, authority.publicKey, encoded, { groupId: new Uint8Array(32), now: NOW }),
    ).rejects.toThrow(code('certificate.group'));
    expect(() => decodeCertificate(encoded.subarray(0, -1))).toThrow(code('wire.truncated'));
    expect(() => decodeCertificate(concatBytes(encoded, Uint8Array.of(0)))).toThrow(code('wire.trailing'));
  });

  it('is not a signature of anything else: the claims alone are not what is signed', async () => {
    const body = encodeCertificate(certificate).subarray(0, -64);
    const signature = await primitives.sign(authority.secretKey, body);
    await expect(
      verifyCertificate(primitives, authority.publicKey, { ...claims, signature }, { groupId, now: NOW }),
    ).rejects.toThrow(code('certificate.signature'));
  });

  it('is not issued on claims that cannot be encoded', async () => {
    const bad: Partial<CertificateClaims>[] = [
      { identity: client.publicKey.subarray(1) },
      { groupId: new Uint8Array(0) },
      { notBefore: -1 },
      { notAfter: NOW - 1001 },
      { notAfter: Number.POSITIVE_INFINITY },
      { serial: 0.5 },
      { serial: 2 ** 53 },
    ];
    for (const change of bad) {
      await expect(
        issueCertificate(primitives, authority.secretKey, { ...claims, ...change }),
      ).rejects.toThrow(code('certificate.claims'));
    }
  });
});

describe('a revocation list', () => {
  const issue = (version: number, serials: number[]) =>
    issueRevocationList(primitives, authority.secretKey, { groupId, version, serials });

  it('takes back the certificates that it names, and no others', async () => {
    const verify = async (serials: number[]) =>
      verifyCertificate(primitives, authority.publicKey, certificate, {
        groupId,
        now: NOW,
        revocations: await issue(1, serials),
      });
    await expect(verify([3, 7])).rejects.toThrow(code('certificate.revoked'));
    await expect(verify([3, 8])).resolves.toBeDefined();
    await expect(verify([])).resolves.toBeDefined();
  });

  it('is sorted, without doubles, and goes through bytes', async () => {
    const list = await issue(4, [9, 2, 9, 5]);
    expect(list.serials).toEqual([2, 5, 9]);
    const encoded = encodeRevocationList(list);
    expect(decodeRevocationList(encoded)).toEqual(list);
    expect(await verifyRevocationList(primitives, authority.publicKey, encoded, { groupId })).toEqual(list);
    expect(() => decodeRevocationList(concatBytes(encoded, Uint8Array.of(0)))).toThrow(code('wire.trailing'));
    expect(() => decodeRevocationList(encoded.subarray(0, -1))).toThrow(code('wire.truncated'));
  });

  it('never goes back to an older version', async () => {
    const [older, newer] = [await issue(1, [1]), await issue(2, [])];
    const verify = (list: typeof older, current: typeof older) =>
      verifyRevocationList(primitives, authority.publicKey, list, { groupId, current });
    await expect(verify(newer, older)).resolves.toEqual(newer);
    await expect(verify(older, newer)).rejects.toThrow(code('revocation.rolled-back'));
    await expect(verify(newer, newer)).resolves.toEqual(newer);
  });

  it('shows an authority that signs two lists of one version', async () => {
    const [one, two] = [await issue(5, [1]), await issue(5, [1, 2])];
    await expect(
      verifyRevocationList(primitives, authority.publicKey, two, { groupId, current: one }),
    ).rejects.toThrow(code('revocation.equivocation'));
  });

  it('is refused changed, from another authority, for another group', async () => {
    const list = await issue(1, [1, 2]);
    const verify = (changed: typeof list, key = authority.publicKey, group = groupId) =>
      verifyRevocationList(primitives, key, changed, { groupId: group });
    await expect(verify({ ...list, serials: [1] })).rejects.toThrow(code('revocation.signature'));
    await expect(verify({ ...list, version: 2 })).rejects.toThrow(code('revocation.signature'));
    await expect(verify(list, client.publicKey)).rejects.toThrow(code('revocation.signature'));
    await expect(verify(list, authority.publicKey, new Uint8Array(32))).rejects.toThrow(
      code('revocation.group'),
    );
  });

  it('has one encoding: numbers out of order or doubled are refused', async () => {
    const list = await issue(1, [1, 2]);
    for (const serials of [
      [2, 1],
      [1, 1],
    ]) {
      expect(() => decodeRevocationList(encodeRevocationList({ ...list, serials }))).toThrow(
        code('revocation.order'),
      );
    }
  });
});
