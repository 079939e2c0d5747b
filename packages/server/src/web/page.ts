import { relative } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/**
 * A page with which people take part, at the origin of their coordinator: browsers ask for one. What it may load and ask is for the page itself to say; here
 * it is kept out of frames.
 *
 * @param folder - its files; those whose names begin with a dot are not served
 */
export function pageRoutes(folder: string): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: { frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
      referrerPolicy: 'no-referrer',
    }),
  );
  // A page and the workers that it starts must be of one version.
  app.use(async (context, next) => {
    await next();
    context.header('cache-control', 'no-cache');
  });
  app.get('/', (context, next) =>
    context.req.path.endsWith('/') ? next() : Promise.resolve(context.redirect(`${context.req.path}/`)),
  );
  app.get('*', (context, next) =>
    context.req.path.includes('/.') ? Promise.resolve(context.notFound()) : next(),
  );
  app.get(
    '*',
    serveStatic({
      root: relative(process.cwd(), folder),
      rewriteRequestPath: (path) => path.replace(/^\/page/, ''),
    }),
  );
  return app;
}
