import { beforeAll, describe, expect, it } from 'vitest';
import {
  createIdentity,
  encodeRevocationList,
  issueRevocationList,
  randomBytes,
  type Identity,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Revocations, type RevocationKeep } from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const random = seededRandom('revocations');
const groupId = randomBytes(random, 32);
const code = (code: string) => expect.objectContaining({ code }) as Error;

let authority: Identity;
beforeAll(async () => {
  authority = await createIdentity(primitives, random);
});

const issue = async (version: number, serials: readonly number[], signer = authority, group = groupId) =>
  encodeRevocationList(
    await issueRevocationList(primitives, signer.secretKey, { groupId: group, version, serials }),
  );

/** A keep that outlives its party, and counts what is written to it. */
function memory(): RevocationKeep & { kept: Uint8Array | undefined; writes: number } {
  return {
    kept: undefined,
    writes: 0,
    read() {
      return Promise.resolve(this.kept);
    },
    write(list) {
      this.kept = list;
      this.writes++;
      return Promise.resolve();
    },
  };
}

const open = (keep: RevocationKeep) =>
  Revocations.open(primitives, { authority: authority.publicKey, groupId }, keep);

describe('the list of revoked certificates that a party holds', () => {
  it('is none at first, then the newest, and is still that after a restart', async () => {
    const keep = memory();
    const revocations = await open(keep);
    expect([revocations.version, revocations.list]).toEqual([0, undefined]);
    await revocations.accept(await issue(3, [9, 1]));
    expect(revocations.version).toBe(3);
    expect((await open(keep)).list?.serials).toEqual([1, 9]);
  });

  it('never goes back, restarts included', async () => {
    const keep = memory();
    await (await open(keep)).accept(await issue(2, [1, 2]));
    const revocations = await open(keep);
    await expect(revocations.accept(await issue(1, [1]))).rejects.toThrow(code('revocation.rolled-back'));
    await expect(revocations.accept(await issue(2, [1]))).rejects.toThrow(code('revocation.equivocation'));
    expect(revocations.list?.serials).toEqual([1, 2]);
  });

  it('does not go back where two come at once', async () => {
    const keep = memory();
    const revocations = await open(keep);
    const [newer, older] = await Promise.allSettled([
      revocations.accept(await issue(2, [1, 2])),
      revocations.accept(await issue(1, [1])),
    ]);
    expect([newer.status, older.status]).toEqual(['fulfilled', 'rejected']);
    expect((await open(keep)).version).toBe(2);
  });

  it('is not relied on before it is durable', async () => {
    const keep = { ...memory(), write: () => Promise.reject(new Error('the disk is full')) };
    const revocations = await open(keep);
    await expect(revocations.accept(await issue(1, [1]))).rejects.toThrow('disk');
    expect(revocations.version).toBe(0);
  });

  it('is written once where it comes twice', async () => {
    const keep = memory();
    const revocations = await open(keep);
    for (let i = 0; i < 2; i++) await revocations.accept(await issue(1, [1]));
    expect(keep.writes).toBe(1);
  });

  it('is of this authority and this group alone', async () => {
    const revocations = await open(memory());
    const other = await createIdentity(primitives, random);
    await expect(revocations.accept(await issue(1, [], other))).rejects.toThrow(code('revocation.signature'));
    const foreign = await issue(1, [], authority, new Uint8Array(32));
    await expect(revocations.accept(foreign)).rejects.toThrow(code('revocation.group'));
    await expect(revocations.accept(new Uint8Array(7))).rejects.toThrow(code('wire.truncated'));
    expect(revocations.list).toBeUndefined();
  });

  it('is refused at the start where what was kept was changed', async () => {
    const keep = memory();
    await (await open(keep)).accept(await issue(5, [4]));
    keep.kept = keep.kept?.with(-1, (keep.kept.at(-1) ?? 0) ^ 1);
    await expect(open(keep)).rejects.toThrow(code('revocation.signature'));
  });
});
