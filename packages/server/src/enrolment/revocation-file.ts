import { randomUUID } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { RevocationKeep } from '@tutti/shared/protocol';

/** Keeps a list of revoked certificates in a file of hexadecimal text, as `tutti enrol revoke` writes it. */
export function revocationFile(path: string): RevocationKeep {
  return {
    read: () => readRevocationFile(path),
    async write(list) {
      const temporary = `${path}.${randomUUID()}`;
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(`${toHex(list)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    },
  };
}

/**
 * Reads such a file; what it says is not checked yet.
 * @returns undefined where there is none
 * @throws {Refusal} `revocation.unreadable` where the file cannot be read or is not hexadecimal
 */
export async function readRevocationFile(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw unreadable(path, code, error);
  });
  if (text === undefined) return undefined;
  const digits = text.trim();
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw unreadable(path, 'it is not hexadecimal text');
  return fromHex(digits);
}

function unreadable(path: string, why: string, cause?: unknown): Refusal {
  return new Refusal(
    'revocation.unreadable',
    `${path} is no list of revoked certificates that can be read: ${why}.`,
    'Fetch it again from the enrolment authority.',
    { cause },
  );
}
