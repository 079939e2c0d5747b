import { readFile } from 'node:fs/promises';
import { Hono, type Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { Refusal } from '@tutti/shared/errors';

/** Where the build puts the dashboard: the same place from the sources and from what is made of them. */
const BUILT = new URL('../../dist/dashboard/', import.meta.url);

const FILES = {
  'dashboard.js': 'text/javascript; charset=utf-8',
  'dashboard.css': 'text/css; charset=utf-8',
} as const;

/**
 * The page for operators. It holds no data: what it shows it asks of the administration, in the name of whoever signs in. Its policy
 * lets it load and ask nothing elsewhere, and nobody put it in a frame.
 */
export function dashboardRoutes(): Hono {
  const app = new Hono();
  app.use(
    '/',
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ['data:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      referrerPolicy: 'no-referrer',
    }),
  );
  app.get('/', (context) => file(context, 'index.html', 'text/html; charset=utf-8'));
  for (const [name, type] of Object.entries(FILES)) {
    app.get(`/dashboard/${name}`, (context) => file(context, name, type));
  }
  return app;
}

async function file(context: Context, name: string, type: string): Promise<Response> {
  const bytes = await readFile(new URL(name, BUILT)).catch((cause: unknown) => {
    throw new Refusal('dashboard.not-built', 'The dashboard was not built.', 'Run `npm run build`.', {
      cause,
    });
  });
  return context.body(Uint8Array.from(bytes).buffer, 200, {
    'content-type': type,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  });
}
