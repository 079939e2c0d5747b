import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { fromHex, toHex, type KeyPair } from '@tutti/shared/crypto';
import { z } from 'zod';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

/** scrypt with 64 MiB (RFC 7914). Written into each file, so that it may grow. */
const COST = { N: 2 ** 16, r: 8, p: 1 } as const;
/** What a file may ask for: more would only exhaust the machine. */
const MOST_MEMORY = 2 ** 30;

/** An Ed25519 secret key under a passphrase. */
export const sealedKeySchema = z.strictObject({
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
  /** The secret key and the cipher's tag behind it. The public key is authenticated with it. */
  ciphertext: hex(48),
});

export type SealedKey = z.output<typeof sealedKeySchema>;

/** Seals a secret key: scrypt makes the passphrase a key, AES-256-GCM seals under it. */
export async function sealKey({ publicKey, secretKey }: KeyPair, passphrase: string): Promise<SealedKey> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const key = await derive(passphrase, salt, COST);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(publicKey);
  const ciphertext = Buffer.concat([cipher.update(secretKey), cipher.final(), cipher.getAuthTag()]);
  key.fill(0);
  return {
    kdf: 'scrypt',
    ...COST,
    salt: toHex(salt),
    cipher: 'aes-256-gcm',
    nonce: toHex(nonce),
    ciphertext: toHex(ciphertext),
  };
}

/** The secret key, or undefined where the passphrase is another or the file was changed. */
export async function openKey(
  sealed: SealedKey,
  publicKey: Uint8Array,
  passphrase: string,
): Promise<Uint8Array | undefined> {
  const bytes = fromHex(sealed.ciphertext);
  const key = await derive(passphrase, fromHex(sealed.salt), sealed);
  const cipher = createDecipheriv('aes-256-gcm', key, fromHex(sealed.nonce), { authTagLength: 16 });
  cipher.setAAD(publicKey).setAuthTag(bytes.subarray(32));
  try {
    const opened = Buffer.concat([cipher.update(bytes.subarray(0, 32)), cipher.final()]);
    const secretKey = new Uint8Array(opened);
    opened.fill(0);
    return secretKey;
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

function derive(passphrase: string, salt: Uint8Array, { N, r, p }: Pick<SealedKey, 'N' | 'r' | 'p'>) {
  return new Promise<Buffer>((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: MOST_MEMORY }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
