import { describe, expect, it } from 'vitest';
import { EnrolmentDesk } from '@tutti/server';
import { createIdentity, issueCertificate, toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { decodeInvitation, enrolmentMessage } from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const HOUR = 3_600_000;

describe('the enrolment desk', () => {
  it('makes one certificate at a time, however many ask at once', async () => {
    const random = seededRandom('desk');
    const authority = await createIdentity(primitives, random);
    const coordinator = 'c0'.repeat(32);
    const group = '07'.repeat(32);
    let busy = 0;
    let serial = 0;
    const desk = new EnrolmentDesk({
      primitives,
      random,
      tokens: {
        add: () => Promise.resolve(),
        use: () => Promise.resolve({ label: 'site' }),
      } as unknown as ConstructorParameters<typeof EnrolmentDesk>[0]['tokens'],
      audit: { record: () => Promise.resolve() } as unknown as ConstructorParameters<
        typeof EnrolmentDesk
      >[0]['audit'],
      invitation: () => ({
        url: 'http://127.0.0.1:1',
        coordinator,
        authority: toHex(authority.publicKey),
        group,
      }),
      certify: async (identity) => {
        busy++;
        expect(busy).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        const certificate = await issueCertificate(primitives, authority.secretKey, {
          identity,
          groupId: new Uint8Array(32).fill(7),
          notBefore: 0,
          notAfter: HOUR,
          serial: serial++,
        });
        busy--;
        return certificate;
      },
      now: () => 0,
    });
    const { invitations } = await desk.invite('admin', { label: 'site', count: 8, hours: 1 });
    const answers = await Promise.all(
      invitations.map(async (word) => {
        const { token = '' } = decodeInvitation(word);
        const identity = await createIdentity(primitives, random);
        const name = toHex(identity.publicKey);
        const message = enrolmentMessage(coordinator, name, token);
        const signature = toHex(await primitives.sign(identity.secretKey, message));
        return desk.enrol({ token, identity: name, signature });
      }),
    );
    expect(new Set(answers.map(({ certificate }) => certificate)).size).toBe(8);
    expect(serial).toBe(8);
  });
});
