// Builds the browser client: one module for the page, one a worker, and the parts that they share or load late. It reads the sources, so
// that a stale build of theirs cannot get in.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { replacing, sharedSources } from '../shared/replacing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const source = (file) => join(here, 'src/browser', file);

/** What a browser uses in the place of a module that is for Node, or of the whole of a library. */
const replaced = [
  ...sharedSources(join(here, '../shared/src')),
  [/^@tensorflow\/tfjs$/, () => source('tensorflow.ts')],
  [/^@tensorflow\/tfjs-backend-wasm$/, () => source('wasm-backend.ts')],
  [/\/native\.js$/, () => source('no-native.ts')],
  [/\/webgl\.js$/, () => source('webgl-backend.ts')],
  [/\/model-files\/open\.js$/, () => source('no-model-files.ts')],
  [/\/noise-ahead\/index\.js$/, () => source('inline-noise.ts')],
];

/**
 * @param {string} out - folder, made anew
 * @param {string} [participant] - another module in the place of the participant's worker, which imports it
 * @returns {Promise<void>}
 */
export async function buildBrowserClient(out, participant = source('participant-worker.ts')) {
  await rm(out, { recursive: true, force: true });
  await build({
    entryPoints: {
      tutti: source('index.ts'),
      'participant-worker': participant,
      'training-worker': source('training-worker.ts'),
    },
    outdir: out,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'linked',
    sourcemap: 'linked',
    mainFields: ['module', 'browser', 'main'],
    plugins: [replacing(replaced)],
    logLevel: 'warning',
  });
  await mkdir(out, { recursive: true });
  const wasm = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  for (const name of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm']) {
    await copyFile(join(wasm, 'dist', name), join(out, name));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBrowserClient(join(here, 'dist/bundle'));
