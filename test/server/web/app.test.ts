import { describe, expect, it } from 'vitest';
import { ArtifactFiles, createWebApp } from '@tutti/server';
import { temporaryDirectory } from '../../support/temporary.js';

describe('the web application', () => {
  it('serves an artifact at its hash, for ever, and answers a second request with nothing new', async () => {
    const artifacts = await ArtifactFiles.open(await temporaryDirectory());
    const hash = await artifacts.put(Uint8Array.of(1, 2, 3));
    const app = createWebApp({ artifacts });
    const response = await app.request(`/artifacts/${hash}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
    const again = await app.request(`/artifacts/${hash}`, {
      headers: { 'if-none-match': response.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
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
