import { describe, expect, it } from 'vitest';
import { ArtifactFiles, createWebApp } from '@tutti/server';
import { createIdentity, decodeRevocationList, issueRevocationList } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { seededRandom } from '../../support/seeded-random.js';
import { temporaryDirectory } from '../../support/temporary.js';

describe('the web application', () => {
  it('hands the list of revoked certificates to clients, and says where there is none', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const authority = await createIdentity(primitives, seededRandom('authority'));
    const claims = { groupId: new Uint8Array(32), version: 4, serials: [7, 9] };
    const list = await issueRevocationList(primitives, authority.secretKey, claims);
    const without = createWebApp({ artifacts, revocations: () => undefined });
    expect((await without.request('/revocations')).status).toBe(404);
    const app = createWebApp({ artifacts, revocations: () => list });
    const response = await app.request('/revocations');
    expect(decodeRevocationList(new Uint8Array(await response.arrayBuffer()))).toEqual(list);
    const headers = { 'if-none-match': response.headers.get('etag')! };
    expect((await app.request('/revocations', { headers })).status).toBe(304);
  });

  it('serves an artifact at its hash, for ever, and answers a second request with nothing new', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const hash = await artifacts.put(Uint8Array.of(1, 2, 3));
    const app = createWebApp({ artifacts });
    const response = await app.request(`/artifacts/${hash}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
    const again = await app.request(`/artifacts/${hash}`, {
      headers: { 'if-none-match': response.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
  });

  it.each([
    ['bytes=0-1', 206, [0, 1], 'bytes 0-1/5'],
    ['bytes=3-', 206, [3, 4], 'bytes 3-4/5'],
    ['bytes=-2', 206, [3, 4], 'bytes 3-4/5'],
    ['bytes=-9', 206, [0, 1, 2, 3, 4], 'bytes 0-4/5'],
    ['bytes=4-99', 206, [4], 'bytes 4-4/5'],
    ['bytes=5-', 416, [], 'bytes */5'],
    ['bytes=-0', 416, [], 'bytes */5'],
    ['bytes=3-1', 200, [0, 1, 2, 3, 4], null],
    ['bytes=0-1,3-4', 200, [0, 1, 2, 3, 4], null],
    ['lines=0-1', 200, [0, 1, 2, 3, 4], null],
    ['bytes=-', 200, [0, 1, 2, 3, 4], null],
  ])('answers the range %s', async (range, status, bytes, contentRange) => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const hash = await artifacts.put(Uint8Array.of(0, 1, 2, 3, 4));
    const response = await createWebApp({ artifacts }).request(`/artifacts/${hash}`, { headers: { range } });
    expect([response.status, response.headers.get('content-range')]).toEqual([status, contentRange]);
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual(bytes);
  });

  it('sends the whole where the part would be of something else', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const hash = await artifacts.put(Uint8Array.of(0, 1, 2));
    const request = (tag: string) =>
      createWebApp({ artifacts }).request(`/artifacts/${hash}`, {
        headers: { range: 'bytes=1-', 'if-range': tag },
      });
    expect((await request('"other"')).status).toBe(200);
    expect((await request(`"${hash}"`)).status).toBe(206);
  });

  it('lets one address ask no faster than it may', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const limits = { requests: { perSecond: 0.001, burst: 2 }, behindProxy: false };
    const app = createWebApp({ artifacts, limits });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await app.request('/health')).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('is not ready where something stands in the way', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    let hindrance: string | undefined = 'the store does not answer';
    const app = createWebApp({ artifacts, ready: () => Promise.resolve(hindrance) });
    expect((await app.request('/ready')).status).toBe(503);
    hindrance = undefined;
    expect((await app.request('/ready')).status).toBe(200);
  });

  it.each(['0'.repeat(64), '..%2F..%2Fcoordinator.db', 'x'])(
    'answers 404 to %s and tells nothing of the disk',
    async (name) => {
      const artifacts = await ArtifactFiles.open(await temporaryDirectory());
      const response = await createWebApp({ artifacts }).request(`/artifacts/${name}`);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('/');
    },
  );

  it('says that it is alive', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    expect(await (await createWebApp({ artifacts }).request('/health')).json()).toEqual({ status: 'ok' });
  });
});
