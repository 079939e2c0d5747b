import { createHash } from 'node:crypto';
import { Refusal } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';
import { FolderStorage, type ObjectStorage } from './storage/index.js';

const HASH = /^[0-9a-f]{64}$/;

/** Models, jobs and other bytes that are named by their SHA-256, a file each. What is there is whole, and never changes. */
export class ArtifactFiles implements ArtifactSource {
  /** @param folder - within the storage; empty, or ending in a slash */
  constructor(
    private readonly storage: ObjectStorage,
    private readonly folder = '',
  ) {}

  /** Artifacts in a folder of their own. */
  static async open(directory: string): Promise<ArtifactFiles> {
    return new ArtifactFiles(await FolderStorage.open(directory));
  }

  /** Makes the bytes durable and returns their hash. */
  async put(bytes: Uint8Array): Promise<string> {
    const hash = sha256(bytes);
    await this.storage.put({ name: this.folder + hash, bytes, sha256: hash });
    return hash;
  }

  /** Forgets the bytes of a hash. There need not be any. */
  async remove(hash: string): Promise<void> {
    if (HASH.test(hash)) await this.storage.remove(this.folder + hash);
  }

  /** Whether there are bytes of a hash. They are read, and not checked. */
  async has(hash: string): Promise<boolean> {
    return HASH.test(hash) && (await this.storage.get(this.folder + hash)) !== undefined;
  }

  /**
   * @throws {Refusal} `artifact.unknown` where there is none of this hash, `artifact.damaged` where the file holds something else by now.
   */
  async fetch(hash: string): Promise<Uint8Array> {
    const bytes = HASH.test(hash) ? await this.storage.get(this.folder + hash) : undefined;
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
    return bytes;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
