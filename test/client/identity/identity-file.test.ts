import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCertificate, readIdentity, writeIdentity } from '@tutti/client/identity';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { temporaryDirectory } from '../../support/temporary.js';

const none = () => Promise.resolve(undefined);

async function written(passphrase?: string) {
  const path = join(await temporaryDirectory(), 'identity.json');
  const identity = await createIdentity(primitives, systemRandom);
  await writeIdentity(path, identity, passphrase);
  return { path, identity, text: await readFile(path, 'utf8') };
}

describe('an identity file', () => {
  it('can be read by its owner alone, and gives the identity back', async () => {
    const { path, identity } = await written();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readIdentity(path, primitives, none)).toEqual(identity);
  });

  it('is not overwritten', async () => {
    const { path, identity, text } = await written();
    await expect(writeIdentity(path, identity)).rejects.toMatchObject({ code: 'identity.exists' });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('does not hold the secret key where a passphrase seals it', async () => {
    const { path, identity, text } = await written('correct horse');
    expect(text).not.toContain(toHex(identity.secretKey));
    expect(await readIdentity(path, primitives, () => Promise.resolve('correct horse'))).toEqual(identity);
    for (const wrong of ['correct house', '', undefined]) {
      await expect(readIdentity(path, primitives, () => Promise.resolve(wrong))).rejects.toMatchObject({
        code: 'identity.passphrase',
      });
    }
  });

  it('binds the public key to what is sealed', async () => {
    const { path, text } = await written('correct horse');
    const { identity: other } = await written();
    const content = JSON.parse(text) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...content, publicKey: toHex(other.publicKey) }));
    await expect(
      readIdentity(path, primitives, () => Promise.resolve('correct horse')),
    ).rejects.toMatchObject({ code: 'identity.passphrase' });
  });

  it.each<[string, string, (text: string) => string]>([
    ['is cut off', 'identity.malformed', (text) => text.slice(0, 40)],
    ['has another format', 'identity.malformed', (text) => text.replace('-v1', '-v2')],
    [
      'holds keys that do not belong together',
      'identity.mismatch',
      (text) => {
        const content = JSON.parse(text) as Record<string, string>;
        return JSON.stringify({ ...content, secretKey: 'ab'.repeat(32) });
      },
    ],
  ])('is refused where it %s', async (_what, code, spoil) => {
    const { path, text } = await written();
    await writeFile(path, spoil(text));
    await expect(readIdentity(path, primitives, none)).rejects.toMatchObject({ code });
  });

  it('is refused where others can read it, with the command that mends it', async () => {
    const { path } = await written();
    await chmod(path, 0o644);
    await expect(readIdentity(path, primitives, none)).rejects.toMatchObject({
      code: 'identity.permissions',
      remedy: expect.stringContaining(`chmod 600 ${path}`) as string,
    });
  });

  it('is asked for where it is missing', async () => {
    const path = join(await temporaryDirectory(), 'nowhere.json');
    await expect(readIdentity(path, primitives, none)).rejects.toMatchObject({ code: 'identity.unreadable' });
  });
});

describe('a certificate file', () => {
  it('is waited for where it is absent, and refused where it is something else', async () => {
    const path = join(await temporaryDirectory(), 'certificate.hex');
    expect(await readCertificate(path)).toBeUndefined();
    await writeFile(path, 'hello');
    await expect(readCertificate(path)).rejects.toMatchObject({ code: 'certificate.malformed' });
  });

  it('may hold bytes or hexadecimal text', async () => {
    const path = join(await temporaryDirectory(), 'certificate');
    const bytes = new Uint8Array(152).fill(7);
    await writeFile(path, bytes);
    expect(await readCertificate(path)).toEqual(bytes);
    await writeFile(path, `${toHex(bytes)}\n`);
    expect(await readCertificate(path)).toEqual(bytes);
  });
});
