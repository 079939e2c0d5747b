import { Hono } from 'hono';
import { etag } from 'hono/etag';
import { TuttiError } from '@tutti/shared/errors';
import type { ArtifactSource } from '@tutti/shared/protocol';

/** What the coordinator serves over HTTP: jobs and models at their hashes, and whether it is alive. */
export function createWebApp(options: { artifacts: ArtifactSource }): Hono {
  const app = new Hono();
  app.get('/health', (context) => context.json({ status: 'ok' }));
  app.use('/artifacts/*', etag());
  app.get('/artifacts/:hash', async (context) => {
    const bytes = await options.artifacts.fetch(context.req.param('hash'));
    return context.body(Uint8Array.from(bytes).buffer, 200, {
      'content-type': 'application/octet-stream',
      // The name is the hash of the content, so that what was fetched once never changes.
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });
  app.onError((error, context) =>
    error instanceof TuttiError
      ? context.json({ code: error.code, message: error.message, remedy: error.remedy }, 404)
      : context.json(
          { code: 'server.failed', message: 'The coordinator failed.', remedy: 'Try again later.' },
          500,
        ),
  );
  return app;
}
