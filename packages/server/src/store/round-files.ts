import { attemptName, type RoundReference } from '@tutti/shared/protocol';
import { ArtifactFiles } from './artifact-files.js';
import { FolderStorage, type ObjectStorage } from './storage/index.js';

/**
 * Long vectors of rounds that are under way: a folder an attempt, gone when it is over. They are masked, and stay so only
 * if nothing keeps them: they are never served, never backed up, never left behind.
 */
export class RoundFiles {
  /** @param folder - within the storage; empty, or ending in a slash. Coordinators that share a store share it too */
  constructor(
    private readonly storage: ObjectStorage,
    private readonly folder = '',
  ) {}

  /** @param directory - of these files alone */
  static async open(directory: string): Promise<RoundFiles> {
    return new RoundFiles(await FolderStorage.open(directory));
  }

  /** The files of one attempt. */
  of(reference: RoundReference): ArtifactFiles {
    return new ArtifactFiles(this.storage, `${this.folder}${reference.job}/${attemptName(reference)}/`);
  }

  /** Removes the files of a job's attempts, all or all but one. */
  clear(job: string, except?: RoundReference): Promise<void> {
    return this.storage.clear(this.folder + job, except && attemptName(except));
  }
}
