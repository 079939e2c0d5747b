import { open, rm } from 'node:fs/promises';
import {
  createIdentity,
  decodeRevocationList,
  encodeCertificate,
  encodeRevocationList,
  equalBytes,
  fingerprint,
  issueCertificate,
  issueRevocationList,
  randomBytes,
  toHex,
  verifyRevocationList,
  type Certificate,
  type RevocationList,
} from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  authorityPaths,
  readAuthority,
  readAuthorityKey,
  writeAuthority,
  type AuthorityIdentity,
} from './authority-files.js';
import { fromHexLine, readIfThere, replace, toHexLine } from './files.js';
import { reasonOf, refuse } from './refusals.js';
import { Register, type Issued } from './register.js';

const DAY = 24 * 60 * 60 * 1000;
/** A certificate is valid from a little before it was made: clocks differ. */
const CLOCKS_DIFFER = 10 * 60 * 1000;

/** Whether a certificate lets its holder in. */
export type Standing = 'valid' | 'not-yet-valid' | 'expired' | 'revoked';

/**
 * Makes a new authority in a folder of its own.
 *
 * @param groupId - 32 bytes; left out, drawn
 * @throws {Refusal} `enrol.exists`
 */
export async function initAuthority(
  directory: string,
  options: { readonly groupId?: Uint8Array | undefined; readonly passphrase: string | undefined },
): Promise<AuthorityIdentity> {
  const pair = await createIdentity(primitives, systemRandom);
  const groupId = options.groupId ?? randomBytes(systemRandom, 32);
  await writeAuthority(directory, pair, groupId, options.passphrase);
  pair.secretKey.fill(0);
  return { publicKey: pair.publicKey, groupId };
}

/**
 * Enrols an identity: the certificate is in the register before it is handed out.
 *
 * @throws {Refusal} `enrol.own-key`, `enrol.already-certified` where the identity holds a certificate that is valid as long, `enrol.was-revoked`
 * where one of its certificates was taken back, `certificate.claims` where it is no Ed25519 key; what reading the authority refuses
 */
export async function certify(
  directory: string,
  identity: Uint8Array,
  options: { readonly days: number; readonly now: number; readonly passphrase: string | undefined },
): Promise<Certificate> {
  const { days, now, passphrase } = options;
  return withLock(directory, async () => {
    const { publicKey, groupId } = await readAuthority(directory);
    const register = await Register.open(authorityPaths(directory).register);
    const notAfter = now + days * DAY;
    if (equalBytes(identity, publicKey)) {
      throw refuse(
        'own-key',
        'This is the authority’s own key.',
        'Give the public key of the client’s identity.',
      );
    }
    const former = register.issued.filter((issued) => issued.identity === toHex(identity));
    const { revoked } = register;
    if (former.some(({ serial }) => revoked.has(serial))) {
      throw refuse(
        'was-revoked',
        'A certificate of this identity was revoked.',
        'Have the client make a new identity, and certify that.',
      );
    }
    const enough = former.find((issued) => issued.notAfter >= notAfter);
    if (enough !== undefined) {
      throw refuse(
        'already-certified',
        `Certificate ${enough.serial} of this identity is valid until ${dateOf(enough.notAfter)} already.`,
        'Use that one, or ask for more days.',
      );
    }
    const { secretKey } = await readAuthorityKey(directory, passphrase);
    const certificate = await issueCertificate(primitives, secretKey, {
      identity,
      groupId,
      notBefore: Math.max(0, now - CLOCKS_DIFFER),
      notAfter,
      serial: register.nextSerial,
    });
    secretKey.fill(0);
    const { serial, notBefore } = certificate;
    await register.add({ kind: 'issued', at: now, serial, identity: toHex(identity), notBefore, notAfter });
    return certificate;
  });
}

/**
 * Takes certificates back: a new list with all that were ever revoked, one version on.
 *
 * @param named - each a serial number, a public key in hex, or a fingerprint: of an identity all certificates are revoked
 * @throws {Refusal} `enrol.unknown-certificate`, `enrol.nothing-to-revoke`; what reading the authority refuses
 */
export async function revoke(
  directory: string,
  named: readonly string[],
  options: { readonly now: number; readonly passphrase: string | undefined },
): Promise<{ readonly list: RevocationList; readonly added: readonly number[]; readonly path: string }> {
  return withLock(directory, async () => {
    const paths = authorityPaths(directory);
    const { groupId } = await readAuthority(directory);
    const register = await Register.open(paths.register);
    const serials = named.flatMap((name) => serialsOf(register.issued, name));
    const before = register.revoked;
    const added = [...new Set(serials)].filter((serial) => !before.has(serial)).sort((a, b) => a - b);
    const published = await readList(paths.revocations);
    if (added.length === 0 && (published?.version ?? 0) === register.version) {
      throw refuse(
        'nothing-to-revoke',
        'These certificates are revoked already.',
        `Hand out ${paths.revocations}: it names them.`,
      );
    }
    const { secretKey } = await readAuthorityKey(directory, options.passphrase);
    // In the register first: two different lists of one version would look as if the authority had said two things.
    if (added.length > 0) {
      const version = register.version + 1;
      await register.add({ kind: 'revoked', at: options.now, version, serials: added });
    }
    const { version, revoked } = register;
    const list = await issueRevocationList(primitives, secretKey, {
      groupId,
      version,
      serials: [...revoked],
    });
    secretKey.fill(0);
    await replace(paths.revocations, toHexLine(encodeRevocationList(list)));
    return { list, added, path: paths.revocations };
  });
}

/** Every certificate that was ever issued, and how it stands. */
export async function listCertificates(
  directory: string,
  now: number,
): Promise<readonly (Issued & { readonly fingerprint: string; readonly standing: Standing })[]> {
  await readAuthority(directory);
  const { issued, revoked } = await Register.open(authorityPaths(directory).register);
  return issued.map((entry) => ({
    ...entry,
    fingerprint: fingerprintOf(entry.identity),
    standing: standingOf(entry, revoked, now),
  }));
}

export function standingOf(
  { serial, notBefore, notAfter }: Pick<Issued, 'serial' | 'notBefore' | 'notAfter'>,
  revoked: ReadonlySet<number>,
  now: number,
): Standing {
  if (revoked.has(serial)) return 'revoked';
  if (now < notBefore) return 'not-yet-valid';
  return now > notAfter ? 'expired' : 'valid';
}

/** The list that the authority has published last, checked, or undefined before the first. */
export async function publishedRevocations(directory: string): Promise<RevocationList | undefined> {
  const { publicKey, groupId } = await readAuthority(directory);
  const list = await readList(authorityPaths(directory).revocations);
  return list && verifyRevocationList(primitives, publicKey, list, { groupId });
}

export function encodeForFile(certificate: Certificate): string {
  return toHexLine(encodeCertificate(certificate));
}

/** The day, as everybody reads it. */
export function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

export function fingerprintOf(publicKey: string | Uint8Array): string {
  const bytes = typeof publicKey === 'string' ? (fromHexLine(publicKey) ?? new Uint8Array(0)) : publicKey;
  return fingerprint(primitives, bytes);
}

async function readList(path: string): Promise<RevocationList | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const bytes = fromHexLine(text);
  if (bytes === undefined) {
    throw refuse('malformed', `${path} is not a list of revoked certificates.`, 'Restore it from a backup.');
  }
  return decodeRevocationList(bytes);
}

function serialsOf(issued: readonly Issued[], name: string): readonly number[] {
  const plain = name.toLowerCase().replaceAll(/[\s:]/g, '');
  const found = issued.filter(
    ({ serial, identity }) =>
      String(serial) === plain || identity === plain || fingerprintOf(identity).replaceAll(' ', '') === plain,
  );
  if (found.length > 0) return found.map(({ serial }) => serial);
  throw refuse(
    'unknown-certificate',
    `This authority has issued nothing named “${name}”.`,
    'Name a serial number, a public key or a fingerprint of `tutti enrol list`.',
  );
}

/** One command at a time changes an authority: else two certificates might bear one serial number. */
async function withLock<Result>(directory: string, action: () => Promise<Result>): Promise<Result> {
  await readAuthority(directory);
  const { lock } = authorityPaths(directory);
  const file = await open(lock, 'wx').catch((error: unknown) => {
    if (reasonOf(error) !== 'EEXIST') throw error;
    throw refuse(
      'locked',
      `Another command is at work on ${directory}.`,
      `Wait for it to end. If none is running, it was interrupted: remove ${lock}.`,
      error,
    );
  });
  await file.close();
  try {
    return await action();
  } finally {
    await rm(lock, { force: true });
  }
}
