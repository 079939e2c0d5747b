import { chmod, open, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fromHex, toHex, type KeyPair, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { codeOf } from '../disk.js';
import { openKey, sealedKeySchema, sealKey, type SealedKey } from './sealed-key.js';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

const identityFileSchema = z.strictObject({
  format: z.literal('tutti-identity-v1'),
  publicKey: hex(32),
  secretKey: z.union([hex(32), sealedKeySchema]),
});

/**
 * Writes an identity into a new file that its owner alone can read (mode 0600).
 *
 * @param passphrase - seals the secret key; without one the file's permissions are all that protects it
 * @throws {Refusal} `identity.exists` where there is such a file: an identity is never overwritten
 */
export async function writeIdentity(path: string, identity: KeyPair, passphrase?: string): Promise<void> {
  const publicKey = toHex(identity.publicKey);
  const secretKey =
    passphrase === undefined ? toHex(identity.secretKey) : await sealKey(identity, passphrase);
  const content = { format: 'tutti-identity-v1', publicKey, secretKey };
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new Refusal(
      'identity.exists',
      `${path}: there is an identity already.`,
      'Keep it, or move the file away: whoever is enrolled under it cannot be anybody else.',
      { cause: error },
    );
  });
  try {
    // The mask of the process may have taken rights away, and must not have given any.
    await chmod(path, 0o600);
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Reads an identity.
 *
 * @param passphrase - asked for where the secret key is sealed
 * @throws {Refusal} `identity.unreadable`, `identity.permissions` where others could read the file, `identity.malformed`,
 * `identity.passphrase` where it is wrong, `identity.mismatch` where the keys do not belong together
 */
export async function readIdentity(
  path: string,
  primitives: Primitives,
  passphrase: () => Promise<string | undefined>,
): Promise<KeyPair> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Refusal(
      'identity.unreadable',
      `${path} cannot be read (${codeOf(error) ?? 'unknown reason'}).`,
      'Check the path; `tutti client init` makes an identity.',
      { cause: error },
    );
  });
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Refusal(
      'identity.permissions',
      `${path} holds a secret key and can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
      `Say \`chmod 600 ${path}\`; if others had access, enrol a new identity.`,
    );
  }
  const parsed = identityFileSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Refusal(
      'identity.malformed',
      `${path} is not an identity of this version.`,
      'Restore the file from a backup, or enrol a new identity.',
    );
  }
  const { publicKey, secretKey } = parsed.data;
  const secret =
    typeof secretKey === 'string'
      ? fromHex(secretKey)
      : await unseal(path, publicKey, secretKey, await passphrase());
  const identity = { publicKey: fromHex(publicKey), secretKey: secret };
  const probe = new TextEncoder().encode('tutti-identity-probe');
  const signature = await primitives.sign(identity.secretKey, probe);
  if (!(await primitives.verify(identity.publicKey, probe, signature))) {
    throw new Refusal(
      'identity.mismatch',
      `${path}: the secret key is not the public key’s.`,
      'Restore the file from a backup, or enrol a new identity.',
    );
  }
  return identity;
}

/** The public key of an identity file, which no passphrase protects. */
export async function readPublicKey(path: string): Promise<string | undefined> {
  const parsed = identityFileSchema.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
  return parsed.success ? parsed.data.publicKey : undefined;
}

async function unseal(
  path: string,
  publicKey: string,
  sealed: SealedKey,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  const opened = passphrase === undefined ? undefined : await openKey(sealed, fromHex(publicKey), passphrase);
  if (opened) return opened;
  throw new Refusal(
    'identity.passphrase',
    passphrase === undefined
      ? `${path} is sealed with a passphrase, and none was given.`
      : `The passphrase does not open ${path}.`,
    'Give the passphrase on the terminal, or in the environment variable TUTTI_PASSPHRASE.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
