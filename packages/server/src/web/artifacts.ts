import { Hono } from 'hono';
import { etag } from 'hono/etag';
import type { ArtifactSource } from '@tutti/shared/protocol';

/** Jobs and models at their hashes. */
export function artifactRoutes(artifacts: ArtifactSource): Hono {
  const app = new Hono();
  app.use('*', etag());
  app.get('/:hash', async (context) => {
    const bytes = await artifacts.fetch(context.req.param('hash'));
    return context.body(Uint8Array.from(bytes).buffer, 200, {
      'content-type': 'application/octet-stream',
      // The name is the hash of the content, so that what was fetched once never changes.
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });
  return app;
}
