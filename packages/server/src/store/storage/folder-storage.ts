import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ObjectStorage, StoredObject } from './object-storage.js';

/** A folder of this machine, or of one that several mount. */
export class FolderStorage implements ObjectStorage {
  private constructor(private readonly directory: string) {}

  static async open(directory: string): Promise<FolderStorage> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new FolderStorage(directory);
  }

  async put({ name, bytes }: StoredObject): Promise<void> {
    const path = join(this.directory, name);
    const folder = dirname(path);
    const temporary = join(folder, `.${basename(path)}.${randomUUID()}`);
    await mkdir(folder, { recursive: true });
    try {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      // What a full disk has cut short must not go on filling it.
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(folder);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const bytes = await readFile(join(this.directory, name)).catch(() => undefined);
    return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.directory, name), { force: true });
  }

  async clear(folder: string, except?: string): Promise<void> {
    const path = join(this.directory, folder);
    for (const entry of await readdir(path).catch(() => [])) {
      if (entry !== except) await rm(join(path, entry), { recursive: true, force: true });
    }
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
