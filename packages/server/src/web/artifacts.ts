import { Hono, type Context } from 'hono';
import type { ArtifactSource } from '@tutti/shared/protocol';

/** A part of a file, both ends inclusive. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Jobs and models at their hashes. The name is the hash of the content: it serves as the entity tag, and what was fetched once never changes. A
 * download that was cut off goes on by `Range` (RFC 9110, section 14), one range at a time.
 */
export function artifactRoutes(artifacts: ArtifactSource): Hono {
  const app = new Hono();
  app.get('/:hash', async (context) => {
    const hash = context.req.param('hash');
    const tag = `"${hash}"`;
    const bytes = await artifacts.fetch(hash);
    context.header('etag', tag);
    context.header('cache-control', 'public, max-age=31536000, immutable');
    context.header('accept-ranges', 'bytes');
    if (tagsOf(context.req.header('if-none-match')).some((known) => known === tag || known === '*')) {
      return context.body(null, 304);
    }
    context.header('content-type', 'application/octet-stream');
    // What an operator has submitted is at the dashboard's origin: no page may run it.
    context.header('x-content-type-options', 'nosniff');
    // A range of another version is worth nothing: then the whole is sent (section 13.1.5).
    const condition = context.req.header('if-range');
    const asked = condition === undefined || condition === tag ? context.req.header('range') : undefined;
    const part = asked === undefined ? undefined : partOf(asked, bytes.length);
    if (part === 'unsatisfiable') {
      context.header('content-range', `bytes */${bytes.length}`);
      return context.body(null, 416);
    }
    if (part === undefined) return inPieces(context, bytes, 200);
    context.header('content-range', `bytes ${part.start}-${part.end}/${bytes.length}`);
    return inPieces(context, bytes.subarray(part.start, part.end + 1), 206);
  });
  return app;
}

/** Bytes that are handed to a connection at once. */
const PIECE = 64 * 1024;

/** Hands bytes on as they are read at the other end: whoever does not read must not have a copy of them all held. */
function inPieces(context: Context, bytes: Uint8Array, status: 200 | 206): Response {
  let at = 0;
  const pieces = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at >= bytes.length) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.subarray(at, at + PIECE));
      at += PIECE;
    },
  });
  context.header('content-length', String(bytes.length));
  return context.body(pieces, status);
}

function tagsOf(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
}

/** The part that a `Range` header asks for; undefined where it is to be ignored: no bytes, several ranges, or malformed. */
function partOf(header: string, length: number): Part | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 || length === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, length - suffix), end: length - 1 };
  }
  const start = Number(first);
  const end = last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= length ? 'unsatisfiable' : { start, end };
}
