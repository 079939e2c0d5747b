import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const candidates = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** A Chromium on this machine, or undefined. */
export const chromium = candidates.find((path) => path !== undefined && existsSync(path));

export interface Visit {
  /** The document after its scripts have run, as HTML. */
  readonly dom: string;
  /** What the page's console says, violations of its policy included. */
  readonly console: readonly string[];
}

/** Opens a page from a file and gives back what became of it. */
export async function visit(executable: string, html: string): Promise<Visit> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-page-'));
  const file = join(folder, 'page.html');
  await writeFile(file, html);
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--enable-logging=stderr',
    '--virtual-time-budget=2000',
  ];
  try {
    const { stdout, stderr } = await promisify(execFile)(
      executable,
      [...flags, `--user-data-dir=${join(folder, 'profile')}`, '--dump-dom', `file://${file}`],
      { maxBuffer: 64 * 2 ** 20, timeout: 50_000 },
    );
    return { dom: stdout, console: stderr.split('\n').filter((line) => line.includes(':CONSOLE:')) };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
