import { stat } from 'node:fs/promises';

/** When a file was changed last, and how long it is. */
export async function versionOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && `${found.mtimeMs} ${found.size}`;
}
