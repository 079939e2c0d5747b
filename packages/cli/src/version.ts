import { createRequire } from 'node:module';

/** The version of this command, as its package states it. */
export function version(): string {
  const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string };
  return manifest.version;
}
