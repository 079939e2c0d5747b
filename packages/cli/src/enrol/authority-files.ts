import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openKey, sealedKeySchema, sealKey } from '@tutti/client/identity';
import { fromHex, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { z } from 'zod';
import { readIfThere, writeNew } from './files.js';
import { refuse } from './refusals.js';

const key = z.string().regex(/^[0-9a-f]{64}$/);

/** `authority.json`: what everybody may know, and clients pin. */
const publicSchema = z.strictObject({
  format: z.literal('tutti-authority-v1'),
  publicKey: key,
  groupId: key,
});

/** `authority.key.json`, mode 0600. */
const secretSchema = z.strictObject({
  format: z.literal('tutti-authority-key-v1'),
  publicKey: key,
  secretKey: z.union([key, sealedKeySchema]),
});

/** What everybody may know of an authority. */
export interface AuthorityIdentity {
  readonly publicKey: Uint8Array;
  readonly groupId: Uint8Array;
}

/** The files of an authority's folder. */
export function authorityPaths(directory: string) {
  return {
    public: join(directory, 'authority.json'),
    secret: join(directory, 'authority.key.json'),
    register: join(directory, 'register.jsonl'),
    revocations: join(directory, 'revocations.hex'),
    lock: join(directory, 'lock'),
  };
}

/**
 * Makes the folder of a new authority, which its owner alone can enter.
 * @throws {Refusal} `enrol.exists` where the folder is not empty: a key is never overwritten
 */
export async function writeAuthority(
  directory: string,
  pair: KeyPair,
  groupId: Uint8Array,
  passphrase: string | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0) {
    throw refuse(
      'exists',
      `${directory} is not empty.`,
      'Name a new folder: an authority’s key is never overwritten.',
    );
  }
  const publicKey = toHex(pair.publicKey);
  const secretKey = passphrase === undefined ? toHex(pair.secretKey) : await sealKey(pair, passphrase);
  const paths = authorityPaths(directory);
  await writeNew(paths.secret, json({ format: 'tutti-authority-key-v1', publicKey, secretKey }), 0o600);
  await writeNew(paths.public, json({ format: 'tutti-authority-v1', publicKey, groupId: toHex(groupId) }));
}

/** @throws {Refusal} `enrol.no-authority`, `enrol.malformed` */
export async function readAuthority(directory: string): Promise<AuthorityIdentity> {
  const path = authorityPaths(directory).public;
  const { publicKey, groupId } = await readAs(publicSchema, path);
  return { publicKey: fromHex(publicKey), groupId: fromHex(groupId) };
}

/**
 * The authority's key pair.
 * @throws {Refusal} `enrol.no-authority`, `enrol.malformed`, `enrol.permissions` where others can read the key, `enrol.passphrase` where
 * it is missing or wrong, `enrol.mismatch` where the keys do not belong together
 */
export async function readAuthorityKey(directory: string, passphrase: string | undefined): Promise<KeyPair> {
  const paths = authorityPaths(directory);
  const stored = await readAs(secretSchema, paths.secret);
  const { mode } = await stat(paths.secret);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw refuse(
      'permissions',
      `${paths.secret} holds a secret key, and others can read it.`,
      `Say \`chmod 600 ${paths.secret}\`. If others had access, begin a new authority and enrol everybody again.`,
    );
  }
  const publicKey = fromHex(stored.publicKey);
  const secretKey =
    typeof stored.secretKey === 'string'
      ? fromHex(stored.secretKey)
      : passphrase === undefined
        ? undefined
        : await openKey(stored.secretKey, publicKey, passphrase);
  if (secretKey === undefined) {
    throw refuse(
      'passphrase',
      passphrase === undefined
        ? `${paths.secret} is sealed with a passphrase, and none was given.`
        : `The passphrase does not open ${paths.secret}.`,
      'Give it in the environment variable TUTTI_PASSPHRASE, or with --passphrase-file.',
    );
  }
  const known = await readAuthority(directory);
  const probe = new TextEncoder().encode('tutti-authority-probe');
  if (!(await primitives.verify(known.publicKey, probe, await primitives.sign(secretKey, probe)))) {
    throw refuse(
      'mismatch',
      `The secret key in ${paths.secret} is not that of ${paths.public}.`,
      'Restore both files from one backup.',
    );
  }
  return { publicKey, secretKey };
}

async function readAs<Output>(schema: z.ZodType<Output>, path: string): Promise<Output> {
  const text = await readIfThere(path);
  if (text === undefined) {
    throw refuse(
      'no-authority',
      `There is no ${path}.`,
      'Name the folder of an authority with --authority; `tutti enrol init <dir>` makes one.',
    );
  }
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw refuse(
      'malformed',
      `${path} is not a file of an authority of this version.`,
      'Restore it from a backup.',
    );
  }
  return parsed.data;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
