import { createCipheriv, createDecipheriv, randomBytes, scrypt, type ScryptOptions } from 'node:crypto';
import { chmod, open, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fromHex, toHex, type KeyPair, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { codeOf } from '../disk.js';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

/** scrypt with 64 MiB (RFC 7914; OWASP's least is N = 2^16, r = 8). Written into each file, so that it may grow. */
const COST = { N: 2 ** 16, r: 8, p: 1 } as const;
/** What a file may ask for: more than this would only exhaust the machine. */
const MOST_MEMORY = 2 ** 30;

const sealedSchema = z.strictObject({
  kdf: z.literal('scrypt'),
  N: z
    .int()
    .min(2)
    .max(2 ** 22),
  r: z.int().min(1).max(32),
  p: z.int().min(1).max(16),
  salt: hex(16),
  cipher: z.literal('aes-256-gcm'),
  nonce: hex(12),
  /** The secret key under AES-256-GCM, its tag behind it; the public key is authenticated with it. */
  ciphertext: hex(48),
});

const identityFileSchema = z.strictObject({
  format: z.literal('tutti-identity-v1'),
  publicKey: hex(32),
  secretKey: z.union([hex(32), sealedSchema]),
});

/**
 * Writes an identity into a new file that its owner alone can read (mode 0600).
 *
 * @param passphrase - seals the secret key; without one the file's permissions are all that protects it
 * @throws {Refusal} `identity.exists` where there is such a file: an identity is never overwritten
 */
export async function writeIdentity(path: string, identity: KeyPair, passphrase?: string): Promise<void> {
  const publicKey = toHex(identity.publicKey);
  const secretKey = passphrase === undefined ? toHex(identity.secretKey) : await seal(identity, passphrase);
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

async function seal(identity: KeyPair, passphrase: string): Promise<z.output<typeof sealedSchema>> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, COST), nonce);
  cipher.setAAD(identity.publicKey);
  const sealed = Buffer.concat([cipher.update(identity.secretKey), cipher.final(), cipher.getAuthTag()]);
  return {
    kdf: 'scrypt',
    ...COST,
    salt: toHex(salt),
    cipher: 'aes-256-gcm',
    nonce: toHex(nonce),
    ciphertext: toHex(sealed),
  };
}

async function unseal(
  path: string,
  publicKey: string,
  sealed: z.output<typeof sealedSchema>,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  const wrong = (cause?: unknown) =>
    new Refusal(
      'identity.passphrase',
      passphrase === undefined
        ? `${path} is sealed with a passphrase, and none was given.`
        : `The passphrase does not open ${path}.`,
      'Give the passphrase on the terminal, or in the environment variable TUTTI_PASSPHRASE.',
      { cause },
    );
  if (passphrase === undefined) throw wrong();
  const bytes = fromHex(sealed.ciphertext);
  const key = await derive(passphrase, fromHex(sealed.salt), sealed);
  const cipher = createDecipheriv('aes-256-gcm', key, fromHex(sealed.nonce), { authTagLength: 16 });
  cipher.setAAD(fromHex(publicKey));
  cipher.setAuthTag(bytes.subarray(32));
  try {
    return new Uint8Array(Buffer.concat([cipher.update(bytes.subarray(0, 32)), cipher.final()]));
  } catch (cause) {
    throw wrong(cause);
  }
}

function derive(
  passphrase: string,
  salt: Uint8Array,
  { N, r, p }: Required<Pick<ScryptOptions, 'N' | 'r' | 'p'>>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: MOST_MEMORY }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
