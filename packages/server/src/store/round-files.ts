import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { attemptName, type RoundReference } from '@tutti/shared/protocol';
import { ArtifactFiles } from './artifact-files.js';

/**
 * Long vectors of rounds that are under way: a folder an attempt, gone when it is over. They are masked, and stay so only
 * if nothing keeps them: they are never served, never backed up, never left behind.
 */
export class RoundFiles {
  private constructor(private readonly directory: string) {}

  /** @param directory - of these files alone; coordinators that share a store share it too */
  static async open(directory: string): Promise<RoundFiles> {
    await mkdir(directory, { recursive: true });
    return new RoundFiles(directory);
  }

  /** The files of one attempt. */
  of(reference: RoundReference): Promise<ArtifactFiles> {
    return ArtifactFiles.open(join(this.directory, reference.job, attemptName(reference)));
  }

  /** Removes the files of a job's attempts, all or all but one. */
  async clear(job: string, except?: RoundReference): Promise<void> {
    const folder = join(this.directory, job);
    const kept = except && attemptName(except);
    for (const attempt of await readdir(folder).catch(() => [])) {
      if (attempt !== kept) await rm(join(folder, attempt), { recursive: true, force: true });
    }
  }
}
