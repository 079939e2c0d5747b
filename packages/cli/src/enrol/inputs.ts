import { readFile } from 'node:fs/promises';
import {
  CERTIFICATE_BYTES,
  decodeCertificate,
  decodeRevocationList,
  fromHex,
  type Certificate,
  type RevocationList,
} from '@tutti/shared/crypto';
import { z } from 'zod';
import { fromHexLine } from './files.js';
import { reasonOf, refuse } from './refusals.js';

const keyHolderSchema = z.looseObject({ publicKey: z.string().regex(/^[0-9a-f]{64}$/) });

/** 32 bytes given as 64 hexadecimal digits, or undefined. */
export function hex32(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/i.test(text) ? fromHex(text) : undefined;
}

/**
 * A public key, as 64 hexadecimal digits or in a file that holds them, alone or as the `publicKey` of a JSON object.
 * @throws {Refusal} `enrol.unreadable`, `enrol.no-key`, `enrol.secret-given` where the file holds a secret key too
 */
export async function readPublicKey(argument: string): Promise<Uint8Array> {
  const given = hex32(argument);
  if (given !== undefined) return given;
  const text = await readText(
    argument,
    'Give the public key as 64 hexadecimal digits, or the path of a file with it.',
  );
  const line = hex32(text.trim());
  if (line !== undefined) return line;
  const holder = keyHolderSchema.safeParse(parseJson(text));
  if (holder.success && 'secretKey' in holder.data) {
    throw refuse(
      'secret-given',
      `${argument} holds a secret key, which nobody but its owner may have.`,
      `Ask for the public key alone: ${holder.data.publicKey}. If the file has left its owner’s machine, the identity must be made anew.`,
    );
  }
  if (holder.success) return fromHex(holder.data.publicKey);
  throw refuse('no-key', `${argument} holds no public key.`, 'A public key is 64 hexadecimal digits.');
}

/** What an authority signs and hands out. */
export type Signed =
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'revocations'; readonly list: RevocationList };

/**
 * A certificate or a list of revoked ones, in hexadecimal or from a file.
 * @throws {Refusal} `enrol.unreadable`, `enrol.not-signed-object`
 */
export async function readSigned(argument: string): Promise<Signed> {
  const bytes = argument.length === 2 * CERTIFICATE_BYTES ? fromHexLine(argument) : await readBytes(argument);
  try {
    if (bytes?.length === CERTIFICATE_BYTES)
      return { kind: 'certificate', certificate: decodeCertificate(bytes) };
    if (bytes !== undefined) return { kind: 'revocations', list: decodeRevocationList(bytes) };
  } catch {
    // Said below, whichever of the two it should have been.
  }
  throw refuse(
    'not-signed-object',
    `${argument.slice(0, 80)} is neither a certificate nor a list of revoked ones.`,
    `A certificate has ${CERTIFICATE_BYTES} bytes, in hexadecimal or as they are. Copy it whole.`,
  );
}

/**
 * The passphrase of the authority's key: from a file, or from the environment variable TUTTI_PASSPHRASE.
 * @throws {Refusal} `enrol.unreadable`, `enrol.empty-passphrase`
 */
export async function readPassphrase(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const passphrase =
    file === undefined
      ? environment['TUTTI_PASSPHRASE']
      : (await readText(file, 'Name a file whose first line is the passphrase.')).split(/\r?\n/)[0];
  if (passphrase !== '') return passphrase;
  throw refuse('empty-passphrase', 'The passphrase is empty.', 'Give one, or none at all.');
}

async function readBytes(path: string): Promise<Uint8Array | undefined> {
  const remedy = 'Give the certificate in hexadecimal, or the path of a file with it.';
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unreadable(path, remedy, error);
  });
  return fromHexLine(bytes.toString('latin1')) ?? new Uint8Array(bytes);
}

async function readText(path: string, remedy: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(path, remedy, error);
  });
}

function unreadable(path: string, remedy: string, error: unknown) {
  return refuse('unreadable', `${path.slice(0, 200)} cannot be read (${reasonOf(error)}).`, remedy, error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
