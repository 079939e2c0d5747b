import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '@tutti/shared/errors';

const KEY_BYTES = 32;

/**
 * Gives people names that only the holder of the client's key can connect with them: HMAC-SHA256 (RFC 2104) of the identifier, its first 16
 * bytes, hex. The key never leaves the client; without it nobody can try identifiers out.
 */
export class Pseudonyms {
  private constructor(private readonly key: Uint8Array) {}

  /**
   * Reads the key, or makes one where there is none (mode 0600).
   * @throws {Refusal} `consent.key` where the file holds no key
   */
  static async open(path: string): Promise<Pseudonyms> {
    await mkdir(dirname(path), { recursive: true });
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        const key = randomBytes(KEY_BYTES);
        await file.writeFile(`${key.toString('hex')}\n`);
        await file.sync();
        return new Pseudonyms(key);
      } finally {
        await file.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = (await readFile(path, 'utf8')).trim();
    if (!/^[0-9a-f]{64}$/.test(text)) {
      throw new Refusal(
        'consent.key',
        `${path} does not hold a key of ${KEY_BYTES} bytes.`,
        'Restore it from a backup: with another key, nobody in the registry would be known.',
      );
    }
    return new Pseudonyms(Buffer.from(text, 'hex'));
  }

  /** @param identifier - as it stands in the subject column, white space around it aside */
  of(identifier: string): string {
    return createHmac('sha256', this.key)
      .update(`tutti-subject|${identifier.trim()}`)
      .digest('hex')
      .slice(0, 32);
  }
}
