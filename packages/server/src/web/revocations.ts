import { Hono } from 'hono';
import { encodeRevocationList, type RevocationList } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';

/** The authority's signed list of revoked certificates, for clients whose round names a newer one than they hold. They check it themselves. */
export function revocationRoutes(newest: () => RevocationList | undefined): Hono {
  const app = new Hono();
  app.get('/', (context) => {
    const list = newest();
    if (list === undefined) {
      throw new Refusal(
        'revocation.none',
        'This coordinator has no list of revoked certificates.',
        'Nothing need be done: no certificate of the group has been revoked as far as it knows.',
      );
    }
    const tag = `"${list.version}"`;
    context.header('etag', tag);
    context.header('cache-control', 'no-cache');
    if (context.req.header('if-none-match') === tag) return context.body(null, 304);
    context.header('content-type', 'application/octet-stream');
    return context.body(Uint8Array.from(encodeRevocationList(list)).buffer, 200);
  });
  return app;
}
