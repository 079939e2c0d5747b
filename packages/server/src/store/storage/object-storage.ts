/** Bytes to be kept under a name. */
export interface StoredObject {
  /** Folders and a last part, between slashes: letters, digits, dots, dashes and underscores. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
}

/** Where bytes lie under names: a folder, or a bucket of S3-compatible storage. What is there is whole. Nothing is checked on the way back. */
export interface ObjectStorage {
  /** The bytes are durable when the promise resolves. */
  put(object: StoredObject): Promise<void>;
  /** @returns undefined where there is nothing of this name */
  get(name: string): Promise<Uint8Array | undefined>;
  /** There need not be anything. */
  remove(name: string): Promise<void>;
  /**
   * Removes all that lies in a folder.
   * @param except - a folder within it that stays
   */
  clear(folder: string, except?: string): Promise<void>;
}
