import { randomUUID } from 'node:crypto';
import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { reasonOf, refuse } from './refusals.js';

/**
 * Writes a new file, durably, and never over another.
 * @throws {Refusal} `enrol.exists`
 */
export async function writeNew(path: string, text: string, mode = 0o644): Promise<void> {
  const file = await open(path, 'wx', mode).catch((error: unknown) => {
    if (reasonOf(error) !== 'EEXIST') throw error;
    throw refuse('exists', `${path} is there already.`, 'Name another file, or move this one away.', error);
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // The process's mask may have taken rights away from it, and must not have left it more.
  await chmod(path, mode);
  await syncFolder(dirname(path));
}

/** Puts a file in the place of another: at every moment one of the two is there whole. */
export async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeNew(temporary, text);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Adds a line that is durable when the promise resolves. */
export async function append(path: string, line: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  try {
    await file.writeFile(line);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The text, or undefined where there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Bytes as a line of hexadecimal: how certificates and lists of revoked ones are kept and sent. */
export function toHexLine(bytes: Uint8Array): string {
  return `${toHex(bytes)}\n`;
}

/** The other direction. Undefined where the text is not hexadecimal. */
export function fromHexLine(text: string): Uint8Array | undefined {
  const digits = text.trim();
  return /^([0-9a-f]{2})+$/i.test(digits) ? fromHex(digits) : undefined;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
