import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { enrol, HttpArtifacts } from '@tutti/client';
import { createIdentity, toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';

const HASH = 'a'.repeat(64);

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A machine that the client reaches and the coordinator does not, and what it was asked. */
async function neighbour() {
  const asked: string[] = [];
  const url = await serve((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('{}');
  });
  return { url, asked };
}

describe('what a client fetches from its coordinator', () => {
  it('comes from nowhere else, though the coordinator sends the client on', async () => {
    const { url: elsewhere, asked } = await neighbour();
    const url = await serve((_request, response) => {
      response.writeHead(307, { location: `${elsewhere}/switch-off` }).end();
    });
    await expect(new HttpArtifacts(url).fetch(HASH)).rejects.toMatchObject({ code: 'artifact.unavailable' });
    const random = seededRandom('sent on');
    const [identity, other] = [
      await createIdentity(primitives, random),
      await createIdentity(primitives, random),
    ];
    const key = toHex(other.publicKey);
    const invitation = { url, coordinator: key, authority: key, group: key, token: 'T'.repeat(43) };
    await expect(enrol(primitives, invitation, identity, 0)).rejects.toMatchObject({
      code: 'enrolment.unavailable',
    });
    expect(asked).toEqual([]);
  });
});
