import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { enrol } from '@tutti/client';
import {
  createIdentity,
  encodeCertificate,
  fromHex,
  issueCertificate,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { enrolmentMessage, enrolmentRequestSchema, type Invitation } from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const NOW = 1_000_000;
const random = seededRandom('enrolment');
const token = 'one-time-token-of-this-test';
let authority: KeyPair;
let impostor: KeyPair;
let identity: KeyPair;
let invitation: Invitation;

beforeAll(async () => {
  [authority, impostor, identity] = await Promise.all([
    createIdentity(primitives, random),
    createIdentity(primitives, random),
    createIdentity(primitives, random),
  ]);
  invitation = {
    url: 'https://coordinator.example',
    coordinator: 'c0'.repeat(32),
    authority: toHex(authority.publicKey),
    group: '07'.repeat(32),
    token,
  };
});

interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly signer?: KeyPair;
  readonly identity?: Uint8Array;
  readonly group?: string;
}

/** Answers requests in place of the coordinator, and keeps what it was sent. */
function coordinatorAnswers(answer: Answer = {}): { readonly requests: string[] } {
  const requests: string[] = [];
  vi.stubGlobal('fetch', async (url: URL, init: { body: string }) => {
    expect(url.href).toBe('https://coordinator.example/enrolment');
    requests.push(init.body);
    const certificate = await issueCertificate(primitives, (answer.signer ?? authority).secretKey, {
      identity: answer.identity ?? identity.publicKey,
      groupId: fromHex(answer.group ?? invitation.group),
      notBefore: 0,
      notAfter: 2 * NOW,
      serial: 1,
    });
    const body = answer.body ?? JSON.stringify({ certificate: toHex(encodeCertificate(certificate)) });
    return new Response(body, { status: answer.status ?? 200 });
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  return { requests };
}

describe('enrolment by a token', () => {
  it('gives the certificate, and proves that the identity holds its key', async () => {
    const { requests } = coordinatorAnswers();
    const certificate = await enrol(primitives, invitation, identity, NOW);
    expect(certificate.length).toBeGreaterThan(64);
    const request = enrolmentRequestSchema.parse(JSON.parse(requests[0]!));
    const message = enrolmentMessage(invitation.coordinator, request.identity, request.token);
    expect(await primitives.verify(identity.publicKey, message, fromHex(request.signature))).toBe(true);
  });

  it('asks nobody without a token', async () => {
    const { requests } = coordinatorAnswers();
    const { token: dropped, ...withoutToken } = invitation;
    expect(dropped).toBe(token);
    await expect(enrol(primitives, withoutToken, identity, NOW)).rejects.toMatchObject({
      code: 'enrolment.no-token',
    });
    expect(requests).toEqual([]);
  });

  it.each<[string, () => Answer, string]>([
    [
      'says that the token was used',
      () => ({ status: 403, body: '{"code":"enrolment.token"}' }),
      'enrolment.refused',
    ],
    ['answers with a page', () => ({ body: '<html>' }), 'enrolment.refused'],
    ['has another authority sign', () => ({ signer: impostor }), 'certificate.signature'],
    ['enrols in another group', () => ({ group: '08'.repeat(32) }), 'certificate.group'],
    ['certifies somebody else', () => ({ identity: impostor.publicKey }), 'certificate.other-identity'],
  ])('is refused where the coordinator %s', async (_, answer, code) => {
    coordinatorAnswers(answer());
    await expect(enrol(primitives, invitation, identity, NOW)).rejects.toMatchObject({ code });
  });

  it('says that the coordinator does not answer where it does not', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    onTestFinished(() => void vi.unstubAllGlobals());
    await expect(enrol(primitives, invitation, identity, NOW)).rejects.toMatchObject({
      code: 'enrolment.unavailable',
    });
  });
});
