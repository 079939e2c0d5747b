import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openSqliteStore, RevocationWatch } from '@tutti/server';
import {
  createIdentity,
  encodeCertificate,
  encodeRevocationList,
  issueCertificate,
  issueRevocationList,
  toHex,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Revocations } from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

const groupId = new Uint8Array(32).fill(7);

async function scene() {
  const random = seededRandom('revocation watch');
  const directory = await temporaryDirectory();
  const authority = await createIdentity(primitives, random);
  const store = await openSqliteStore(join(directory, 'store.db'));
  const clients: string[] = [];
  for (let serial = 0; serial < 3; serial++) {
    const { publicKey } = await createIdentity(primitives, random);
    const claims = { identity: publicKey, groupId, notBefore: 0, notAfter: 10, serial };
    const certificate = encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
    clients.push(toHex(publicKey));
    await store.clients.see({ identity: toHex(publicKey), certificate, attributes: {}, version: '1' }, 1);
  }
  let kept: Uint8Array | undefined;
  const keep = {
    read: () => Promise.resolve(kept),
    write: (list: Uint8Array) => Promise.resolve(void (kept = list)),
  };
  const revocations = await Revocations.open(primitives, { authority: authority.publicKey, groupId }, keep);
  const path = join(directory, 'revocations.hex');
  const revoked: string[] = [];
  const watch = new RevocationWatch({
    path,
    revocations,
    clients: store.clients,
    now: () => 5,
    revoked: (identity) => Promise.resolve(void revoked.push(identity)),
  });
  const publish = async (version: number, serials: readonly number[], signer = authority) => {
    const list = await issueRevocationList(primitives, signer.secretKey, { groupId, version, serials });
    await writeFile(path, `${toHex(encodeRevocationList(list))}\n${' '.repeat(version)}`);
  };
  return { watch, publish, path, revoked, clients, store, random };
}

describe('the file of revoked certificates', () => {
  it('shuts out whom a new list names, once, and leaves the others in the population', async () => {
    const { watch, publish, revoked, clients, store } = await scene();
    expect(await watch.look()).toBe(false);
    await publish(1, [1]);
    expect(await watch.look()).toBe(true);
    expect(revoked).toEqual([clients[1]]);
    expect(await watch.look()).toBe(false);
    await publish(2, [1, 2]);
    await watch.look();
    expect(revoked).toEqual([clients[1], clients[2]]);
    expect(await store.clients.population()).toEqual([clients[0]]);
    await store.close();
  });

  it('is looked at again where the store failed before everybody was shut out', async () => {
    const { watch, publish, revoked, clients, store } = await scene();
    const failing = vi.spyOn(store.clients, 'list').mockRejectedValueOnce(new Error('the store is away'));
    onTestFinished(() => failing.mockRestore());
    await publish(1, [1]);
    await expect(watch.look()).rejects.toThrow('the store is away');
    await watch.look();
    expect(revoked).toEqual([clients[1]]);
    expect(await store.clients.population()).toEqual([clients[0], clients[2]]);
    await store.close();
  });

  it('is refused where it is an older list, another’s, or none', async () => {
    const { watch, publish, path, revoked, store, random } = await scene();
    await publish(2, []);
    await watch.look();
    await publish(1, [0]);
    await expect(watch.look()).rejects.toMatchObject({ code: 'revocation.rolled-back' });
    await publish(3, [0], await createIdentity(primitives, random));
    await expect(watch.look()).rejects.toMatchObject({ code: 'revocation.signature' });
    await writeFile(path, 'nothing of the kind');
    await expect(watch.look()).rejects.toMatchObject({ code: 'revocation.unreadable' });
    expect(revoked).toEqual([]);
    await store.close();
  });
});
