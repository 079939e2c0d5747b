import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArtifactFiles } from '@tutti/server';
import { temporaryDirectory } from '../../support/temporary.js';

describe('artifact files', () => {
  it('names bytes by their SHA-256 and keeps them once', async () => {
    const directory = await temporaryDirectory();
    const files = await ArtifactFiles.open(directory);
    const abc = new TextEncoder().encode('abc');
    const hash = await files.put(abc);
    expect(hash).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(await files.put(abc)).toBe(hash);
    expect(new Uint8Array(await files.fetch(hash))).toEqual(abc);
    expect(await readdir(directory)).toEqual([hash]);
  });

  it('refuses a file that was changed under its name', async () => {
    const directory = await temporaryDirectory();
    const files = await ArtifactFiles.open(directory);
    const hash = await files.put(Uint8Array.of(1, 2, 3));
    await writeFile(join(directory, hash), Uint8Array.of(1, 2, 4));
    await expect(files.fetch(hash)).rejects.toMatchObject({ code: 'artifact.damaged' });
  });

  it.each(['0'.repeat(64), '../../etc/passwd', '', 'ABC'])(
    'refuses %j, which names no artifact',
    async (hash) => {
      const files = await ArtifactFiles.open(await temporaryDirectory());
      await expect(files.fetch(hash)).rejects.toMatchObject({ code: 'artifact.unknown' });
    },
  );
});
