import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createIdentity,
  encodeCertificate,
  encodeRevocationList,
  issueCertificate,
  issueRevocationList,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Revocations } from '@tutti/shared/protocol';
import { readRevocationFile, Registry, revocationFile, type EnrolledClient } from '@tutti/server';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

const NOW = 1_000_000;
const groupId = new Uint8Array(32).fill(2);
const code = (code: string) => expect.objectContaining({ code }) as Error;

async function scene() {
  const random = seededRandom('registry');
  const authority = await createIdentity(primitives, random);
  const enrol = async (serial: number) => {
    const identity = await createIdentity(primitives, random);
    const claims = { identity: identity.publicKey, groupId, notBefore: 0, notAfter: 2 * NOW, serial };
    return {
      identity: identity.publicKey,
      certificate: encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims)),
    };
  };
  const path = join(await temporaryDirectory(), 'revocations.hex');
  const open = () =>
    Revocations.open(primitives, { authority: authority.publicKey, groupId }, revocationFile(path));
  const revocations = await open();
  const options = {
    primitives,
    authority: authority.publicKey,
    groupId,
    now: () => NOW,
    revocations: () => revocations.list,
  };
  const registry = new Registry(options);
  const issue = async (version: number, serials: readonly number[]) =>
    encodeRevocationList(
      await issueRevocationList(primitives, authority.secretKey, { groupId, version, serials }),
    );
  return { enrol, registry, options, revocations, issue, path, open };
}

describe('the registry of a coordinator', () => {
  it('lets in whoever is certified, until its certificate is revoked', async () => {
    const { enrol, registry, revocations, issue } = await scene();
    const [one, two] = [await enrol(1), await enrol(2)];
    await registry.admit(one.identity, one.certificate, {});
    await revocations.accept(await issue(1, [1]));
    await expect(registry.admit(one.identity, one.certificate, {})).rejects.toThrow(
      code('certificate.revoked'),
    );
    await registry.admit(two.identity, two.certificate, {});
  });

  it('notes what a client says of itself whenever that changes, and else once in a while', async () => {
    const { enrol, options } = await scene();
    const one = await enrol(1);
    const seen: unknown[] = [];
    let known: EnrolledClient | undefined;
    const clients = {
      find: () => Promise.resolve(known),
      see: (client: Omit<EnrolledClient, 'firstSeen' | 'lastSeen'>, time: number) => {
        known = { ...client, firstSeen: time, lastSeen: time };
        return Promise.resolve(void seen.push(client.attributes));
      },
    };
    const registry = new Registry({ ...options, clients });
    await registry.admit(one.identity, one.certificate, {});
    await registry.admit(one.identity, one.certificate, { region: 'north' });
    await registry.admit(one.identity, one.certificate, { region: 'north' });
    expect(seen).toEqual([{}, { region: 'north' }]);
  });

  it('lets nobody in whose certificate is revoked while it is being let in', async () => {
    const { enrol, revocations, issue, options } = await scene();
    const one = await enrol(1);
    const list = await issue(1, [1]);
    const clients = {
      find: () => Promise.resolve(undefined),
      see: async () => {
        await revocations.accept(list);
      },
    };
    const registry = new Registry({ ...options, clients });
    await expect(registry.admit(one.identity, one.certificate, {})).rejects.toThrow(
      code('certificate.revoked'),
    );
    expect(registry.population).toEqual([]);
  });

  it('lets nobody in with another’s certificate', async () => {
    const { enrol, registry } = await scene();
    const [one, two] = [await enrol(1), await enrol(2)];
    await expect(registry.admit(one.identity, two.certificate, {})).rejects.toThrow(
      code('certificate.other-identity'),
    );
  });
});

describe('the file of revoked certificates', () => {
  it('outlives the coordinator', async () => {
    const { revocations, issue, open, path } = await scene();
    expect(await readRevocationFile(path)).toBeUndefined();
    await revocations.accept(await issue(4, [7]));
    expect((await open()).list).toMatchObject({ version: 4, serials: [7] });
  });

  it.each(['not hexadecimal', 'abc', ''])('is refused where it holds “%s”', async (text) => {
    const { path } = await scene();
    await writeFile(path, text);
    await expect(readRevocationFile(path)).rejects.toThrow(code('revocation.unreadable'));
  });
});
