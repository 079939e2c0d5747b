import { access } from 'node:fs/promises';
import {
  toHex,
  verifyCertificate,
  verifyRevocationList,
  type Certificate,
  type RevocationList,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { counted } from '../output/figures.js';
import {
  certify,
  dateOf,
  encodeForFile,
  fingerprintOf,
  initAuthority,
  listCertificates,
  publishedRevocations,
  revoke,
  standingOf,
} from './authority.js';
import { authorityPaths, readAuthority } from './authority-files.js';
import { writeNew } from './files.js';
import { readPublicKey, readSigned } from './inputs.js';
import { refuse } from './refusals.js';

/** What a command comes to: for programs, and for people. */
export interface Answer {
  readonly data: object;
  readonly lines: readonly string[];
}

export async function init(
  directory: string,
  groupId: Uint8Array | undefined,
  passphrase: string | undefined,
): Promise<Answer> {
  const authority = await initAuthority(directory, { groupId, passphrase });
  const keyFile = authorityPaths(directory).secret;
  const fingerprint = fingerprintOf(authority.publicKey);
  const publicKey = toHex(authority.publicKey);
  const group = toHex(authority.groupId);
  return {
    data: { directory, publicKey, fingerprint, groupId: group, keyFile, sealed: passphrase !== undefined },
    lines: [
      `A new enrolment authority is in ${directory}.`,
      `public key   ${publicKey}`,
      `fingerprint  ${fingerprint}`,
      `group        ${group}`,
      passphrase === undefined
        ? `Its secret key is in ${keyFile}, which no passphrase seals: keep the folder where the coordinator cannot read it.`
        : `Its secret key is in ${keyFile}, sealed: without the passphrase it is lost.`,
    ],
  };
}

export async function certifyKey(
  directory: string,
  key: string,
  options: {
    readonly days: number;
    readonly now: number;
    readonly out: string | undefined;
    readonly passphrase: () => Promise<string | undefined>;
  },
): Promise<Answer> {
  const { days, now, out } = options;
  const identity = await readPublicKey(key);
  // Before the certificate is made: one that cannot be written would be in the register and nowhere else.
  if (out !== undefined) await requireAbsent(out);
  const certificate = await certify(directory, identity, {
    days,
    now,
    passphrase: await options.passphrase(),
  });
  const text = encodeForFile(certificate);
  if (out !== undefined) await writeNew(out, text);
  const { serial, notAfter } = certificate;
  return {
    data: {
      ...described(certificate),
      certificate: text.trim(),
      ...(out === undefined ? {} : { file: out }),
    },
    lines:
      out === undefined
        ? [text.trim()]
        : [
            `Certificate ${serial} for ${fingerprintOf(identity)}, valid until ${dateOf(notAfter)}, is in ${out}.`,
          ],
  };
}

export async function revokeCertificates(
  directory: string,
  named: readonly string[],
  options: Parameters<typeof revoke>[2],
): Promise<Answer> {
  const { list, added, path } = await revoke(directory, named, options);
  return {
    data: { version: list.version, revoked: list.serials, added, file: path },
    lines: [
      added.length === 0
        ? `Nothing new was revoked; the list, version ${list.version}, is written again.`
        : `Revoked ${counted(added.length, 'certificate')} (${added.join(', ')}): the list is version ${list.version} now.`,
      `Give ${path} to the coordinator and to every client: who does not have it still believes the certificates.`,
    ],
  };
}

export async function list(directory: string, now: number): Promise<Answer> {
  const certificates = await listCertificates(directory, now);
  const width = String(certificates.length).length;
  return {
    data: { certificates },
    lines:
      certificates.length === 0
        ? ['No certificate has been issued.']
        : certificates.map(
            ({ serial, fingerprint, notAfter, standing }) =>
              `${String(serial).padStart(width)}  ${fingerprint}  until ${dateOf(notAfter)}  ${standing}`,
          ),
  };
}

/** @throws {Refusal} `certificate.…` or `revocation.…` where an authority is named and did not sign it, or no longer stands by it */
export async function show(argument: string, authority: string | undefined, now: number): Promise<Answer> {
  const signed = await readSigned(argument);
  const checked = authority !== undefined;
  if (signed.kind === 'revocations') {
    const { groupId, version, serials } = signed.list;
    if (checked) await checkList(signed.list, authority);
    return {
      data: { kind: signed.kind, groupId: toHex(groupId), version, serials, checked },
      lines: [
        `List of revoked certificates, version ${version}.`,
        `group   ${toHex(groupId)}`,
        `revoked ${serials.length === 0 ? 'none' : serials.join(', ')}`,
        checkedLine(checked),
      ],
    };
  }
  const { certificate } = signed;
  const { identity, groupId, serial, notBefore, notAfter } = certificate;
  if (checked) await checkCertificate(certificate, authority, now);
  const standing = standingOf(certificate, new Set(), now);
  return {
    data: { kind: signed.kind, ...described(certificate), standing, checked },
    lines: [
      `Certificate ${serial}: ${standing}.`,
      `public key   ${toHex(identity)}`,
      `fingerprint  ${fingerprintOf(identity)}`,
      `group        ${toHex(groupId)}`,
      `valid        ${dateOf(notBefore)} to ${dateOf(notAfter)}`,
      checkedLine(checked),
    ],
  };
}

async function checkCertificate(certificate: Certificate, directory: string, now: number): Promise<void> {
  const { publicKey, groupId } = await readAuthority(directory);
  const revocations = await publishedRevocations(directory);
  await verifyCertificate(primitives, publicKey, certificate, { groupId, now, revocations });
}

async function checkList(list: RevocationList, directory: string): Promise<void> {
  const { publicKey, groupId } = await readAuthority(directory);
  const current = await publishedRevocations(directory);
  await verifyRevocationList(primitives, publicKey, list, { groupId, current });
}

function described({ identity, groupId, serial, notBefore, notAfter }: Certificate) {
  const publicKey = toHex(identity);
  return {
    serial,
    publicKey,
    fingerprint: fingerprintOf(identity),
    groupId: toHex(groupId),
    notBefore,
    notAfter,
  };
}

function checkedLine(checked: boolean): string {
  return checked
    ? 'The authority signed it.'
    : 'Its signature was not checked: name the authority with --authority.';
}

async function requireAbsent(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) throw refuse('exists', `${path} is there already.`, 'Name another file, or move this one away.');
}
