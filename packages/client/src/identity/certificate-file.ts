import { readFile } from 'node:fs/promises';
import {
  CERTIFICATE_BYTES,
  equalBytes,
  fromHex,
  toHex,
  verifyCertificate,
  type Primitives,
} from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { codeOf, writeDurably } from '../disk.js';

/** Writes a certificate as hexadecimal text. */
export function writeCertificate(path: string, certificate: Uint8Array): Promise<void> {
  return writeDurably(path, `${toHex(certificate)}\n`);
}

/**
 * Reads a certificate, as bytes or as hexadecimal text.
 * @returns undefined where there is no such file (the authority has not made it yet)
 * @throws {Refusal} `certificate.unreadable`, `certificate.malformed`
 */
export async function readCertificate(path: string): Promise<Uint8Array | undefined> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new Refusal(
      'certificate.unreadable',
      `${path} cannot be read (${codeOf(error) ?? 'unknown reason'}).`,
      'Check the path and its permissions.',
      { cause: error },
    );
  });
  if (bytes === undefined || bytes.length === CERTIFICATE_BYTES) return bytes && new Uint8Array(bytes);
  const text = bytes.toString('latin1').replaceAll(/\s/g, '');
  if (text.length === 2 * CERTIFICATE_BYTES && /^[0-9a-f]*$/i.test(text)) return fromHex(text);
  throw new Refusal(
    'certificate.malformed',
    `${path} is not a certificate.`,
    `It holds ${CERTIFICATE_BYTES} bytes, or as many in hexadecimal. Ask the authority for it again.`,
  );
}

/**
 * Checks that a certificate is the authority's for this identity, group and moment.
 * @returns the last millisecond at which it is valid
 * @throws {Refusal} `certificate.…`
 */
export async function checkCertificate(
  primitives: Primitives,
  certificate: Uint8Array,
  expected: { authority: Uint8Array; groupId: Uint8Array; identity: Uint8Array; now: number },
): Promise<number> {
  const { identity, notAfter } = await verifyCertificate(
    primitives,
    expected.authority,
    certificate,
    expected,
  );
  if (equalBytes(identity, expected.identity)) return notAfter;
  throw new Refusal(
    'certificate.other-identity',
    'The certificate is of another identity.',
    'Use the certificate that the authority made for this key.',
  );
}
