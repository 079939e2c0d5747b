import { open, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fromHex, toHex, type KeyPair, type Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';

const key = z.string().regex(/^[0-9a-f]{64}$/);
const schema = z.strictObject({
  format: z.literal('tutti-coordinator-v1'),
  publicKey: key,
  secretKey: key,
});

/**
 * Writes the coordinator's key into a new file that its owner alone can read (mode 0600). A daemon starts with nobody there to type a
 * passphrase: the file's permissions, and the disk's encryption, are what protects it.
 *
 * @throws {Refusal} `coordinator.exists`
 */
export async function writeCoordinatorKey(path: string, pair: KeyPair): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new Refusal(
      'coordinator.exists',
      `${path}: there is a key already.`,
      'Keep it: clients pin it. Name another folder for another coordinator.',
      { cause },
    );
  });
  try {
    const content = {
      format: 'tutti-coordinator-v1',
      publicKey: toHex(pair.publicKey),
      secretKey: toHex(pair.secretKey),
    };
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * @throws {Refusal} `coordinator.key` where the file is not there or no key, `coordinator.permissions` where others could read it,
 * `coordinator.mismatch` where the keys do not belong together
 */
export async function readCoordinatorKey(path: string, primitives: Primitives): Promise<KeyPair> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const parsed = schema.safeParse(text === undefined ? undefined : parseJson(text));
  if (!parsed.success) {
    throw new Refusal(
      'coordinator.key',
      `${path} is not a coordinator’s key.`,
      '`tutti coordinator init <folder>` makes one; an old one comes back from a backup.',
    );
  }
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Refusal(
      'coordinator.permissions',
      `${path} holds a secret key, and others can read it.`,
      `Say \`chmod 600 ${path}\`; if others had access, make a new key and invite the clients again.`,
    );
  }
  const pair = { publicKey: fromHex(parsed.data.publicKey), secretKey: fromHex(parsed.data.secretKey) };
  const probe = new TextEncoder().encode('tutti-coordinator-probe');
  if (!(await primitives.verify(pair.publicKey, probe, await primitives.sign(pair.secretKey, probe)))) {
    throw new Refusal(
      'coordinator.mismatch',
      `${path}: the secret key is not the public key’s.`,
      'Restore the file from a backup.',
    );
  }
  return pair;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
