import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';

const page = fileURLToPath(new URL('../../examples/browser/', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The example page at `/page/`, beside whatever else an origin serves, with the client as it was built into a folder. */
export function servePage(app: Hono, bundle: string): void {
  app.get('/page/*', async (context) => {
    const path = context.req.path.slice('/page/'.length) || 'index.html';
    const file = path.startsWith('tutti/') ? join(bundle, path.slice(6)) : join(page, path);
    const bytes = await readFile(file);
    return context.body(Uint8Array.from(bytes).buffer, 200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
    });
  });
}
