import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dialCoordinator, enrol, HttpArtifacts, type ConnectionEvent } from '@tutti/client';
import { checkClient, ClientStore, fetchTrusting, type ClientConfig } from '@tutti/client/daemon';
import { serveSockets } from '@tutti/server';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import {
  makeCertificateAuthority,
  type CertificateAuthority,
  type ServerCertificate,
} from '../../../bench/deployment/certificates.mjs';
import { makeClient, runClient } from '../../support/client.js';
import { makeKeys } from '../../support/coordinator.js';
import { temporaryDirectory } from '../../support/temporary.js';

let own: CertificateAuthority;
let other: CertificateAuthority;
beforeAll(async () => {
  [own, other] = await Promise.all([makeCertificateAuthority('own'), makeCertificateAuthority('other')]);
});

/** Something that speaks TLS, answers every question and takes sockets, with this certificate. */
async function serve({
  certificate,
  key,
}: ServerCertificate): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer({ cert: certificate, key }, (incoming, answer) => {
    asked++;
    answer.setHeader('date', new Date().toUTCString());
    answer.end('{}');
    incoming.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = serveSockets(server, {
    largestBody: 2 ** 20,
    accept: () => ({ receive: () => undefined, closed: () => undefined }),
  });
  onTestFinished(async () => {
    await sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

/** The first thing that a dialled connection comes to. */
function dial(url: string, certificates?: string): Promise<ConnectionEvent> {
  return new Promise((resolve) => {
    const connection = dialCoordinator(url, {
      largestBody: 2 ** 20,
      accept: () => ({ receive: () => undefined, closed: () => undefined }),
      ...(certificates !== undefined && { certificates }),
      observe: resolve,
    });
    onTestFinished(() => connection.close());
  });
}

async function configured(url: string, pem: string | undefined): Promise<ClientConfig> {
  const config = await makeClient(await makeKeys(), url);
  if (pem === undefined) return config;
  const certificates = join(await temporaryDirectory(), 'authority.pem');
  await writeFile(certificates, pem);
  return { ...config, coordinator: { ...config.coordinator, certificates } };
}

const coordinatorFinding = async (config: ClientConfig) => {
  const findings = await checkClient(config, () => Promise.resolve(undefined));
  return findings.find(({ check }) => check === 'coordinator');
};

async function enrolAt(url: string, pem: string | undefined): Promise<unknown> {
  const identity = await createIdentity(primitives, systemRandom);
  const key = toHex(identity.publicKey);
  const invitation = { url, coordinator: key, authority: key, group: key, token: 'a'.repeat(22) };
  return enrol(
    primitives,
    invitation,
    identity,
    Date.now(),
    pem === undefined ? undefined : fetchTrusting(pem),
  );
}

describe('a coordinator whose certificate is from the authority that the client names', () => {
  it('is believed, over https and wss', async () => {
    const { url } = await serve(await own.issue(['127.0.0.1']));
    expect(await dial(url, own.certificate)).toEqual({ kind: 'connected' });
    expect(await coordinatorFinding(await configured(url, own.certificate))).toMatchObject({ outcome: 'ok' });
  });
});

describe.each<[string, string, RegExp, () => Promise<ServerCertificate>, () => string | undefined]>([
  [
    'from an authority other than the one that the client names',
    'tls.unknown-authority',
    /coordinator\.certificates/,
    () => other.issue(['127.0.0.1']),
    () => own.certificate,
  ],
  [
    'from an authority of its own, where the client names none',
    'tls.unknown-authority',
    /coordinator\.certificates/,
    () => own.issue(['127.0.0.1']),
    () => undefined,
  ],
  [
    'that has expired',
    'tls.expired',
    /renew/,
    () => own.issue(['127.0.0.1'], { notAfter: new Date(Date.now() - 3_600_000) }),
    () => own.certificate,
  ],
  [
    'of another host',
    'tls.other-host',
    /coordinator\.url/,
    () => own.issue(['coordinator.example']),
    () => own.certificate,
  ],
])('a coordinator with a certificate %s', (_what, code, cure, issue, authority) => {
  it('gets no connection, and its clients are told what to do', async () => {
    const { url } = await serve(await issue());
    const event = await dial(url, authority());
    expect(event).toMatchObject({ kind: 'untrusted', code });
    expect(event).toMatchObject({ remedy: expect.stringMatching(cure) as string });
  });

  it('enrols nobody, and is asked for nothing', async () => {
    const { url, asked } = await serve(await issue());
    await expect(enrolAt(url, authority())).rejects.toMatchObject({
      code,
      remedy: expect.stringMatching(cure) as string,
    });
    const pem = authority();
    const request = pem === undefined ? undefined : fetchTrusting(pem);
    await expect(new HttpArtifacts(url, request).fetch('0'.repeat(64))).rejects.toMatchObject({ code });
    expect(asked()).toBe(0);
  });

  it('fails `tutti client check`, with the cure', async () => {
    const { url } = await serve(await issue());
    expect(await coordinatorFinding(await configured(url, authority()))).toMatchObject({
      outcome: 'failed',
      remedy: expect.stringMatching(cure) as string,
    });
  });

  it('is in the notices of a client that runs, once however often it dials', async () => {
    const { url } = await serve(await issue());
    const config = await configured(url, authority());
    const client = await runClient(config);
    await client.until('untrusted');
    await client.until('waiting');
    await client.close();
    const store = ClientStore.open(config.state);
    expect(store.notices(5)).toMatchObject([{ code, remedy: expect.stringMatching(cure) as string }]);
    store.close();
  });
});
