// Builds the dashboard: one script, one style sheet and one page, with nothing that is fetched from elsewhere.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { replacing, sharedSources } from '../shared/replacing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const source = (file) => join(here, 'dashboard', file);

/**
 * @param {string} out - folder, made anew
 * @returns {Promise<void>}
 */
export async function buildDashboard(out) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: { dashboard: source('src/main.tsx') },
    outdir: out,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'linked',
    plugins: [replacing(sharedSources(join(here, '../shared/src')))],
    logLevel: 'warning',
  });
  const { resolve } = createRequire(import.meta.url);
  const sheets = [
    resolve('uplot/dist/uPlot.min.css'),
    resolve('@tutti/shared/palette.css'),
    source('dashboard.css'),
  ];
  const styles = await Promise.all(sheets.map((file) => readFile(file, 'utf8')));
  await writeFile(join(out, 'dashboard.css'), styles.join('\n'));
  await copyFile(source('index.html'), join(out, 'index.html'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDashboard(join(here, 'dist/dashboard'));
