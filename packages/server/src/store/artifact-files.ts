import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';

const HASH = /^[0-9a-f]{64}$/;

/** Models, jobs and other bytes that are named by their SHA-256, a file each. What is there is whole, and never changes. */
export class ArtifactFiles implements ArtifactSource {
  private constructor(private readonly directory: string) {}

  static async open(directory: string): Promise<ArtifactFiles> {
    await mkdir(directory, { recursive: true });
    return new ArtifactFiles(directory);
  }

  /** Makes the bytes durable and returns their hash. */
  async put(bytes: Uint8Array): Promise<string> {
    const hash = sha256(bytes);
    const temporary = join(this.directory, `.${hash}.${randomUUID()}`);
    try {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.directory, hash));
    } catch (error) {
      // What a full disk has cut short must not go on filling it.
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(this.directory);
    return hash;
  }

  /** Forgets the bytes of a hash. There need not be any. */
  async remove(hash: string): Promise<void> {
    if (HASH.test(hash)) await rm(join(this.directory, hash), { force: true });
  }

  /**
   * @throws {Refusal} `artifact.unknown` where there is none of this hash, `artifact.damaged` where the file holds something else by now.
   */
  async fetch(hash: string): Promise<Uint8Array> {
    const bytes = HASH.test(hash)
      ? await readFile(join(this.directory, hash)).catch(() => undefined)
      : undefined;
    if (bytes === undefined) {
      throw new Refusal(
        'artifact.unknown',
        'There is no artifact of this hash.',
        'Ask for the current model of the job.',
      );
    }
    if (sha256(bytes) !== hash) {
      throw new Refusal(
        'artifact.damaged',
        `The artifact ${hash} is no longer what it was: its file has been changed.`,
        'Restore the file from a backup, and find out who or what changed it.',
      );
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** A file's name outlives a crash once its directory has reached the disk. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
