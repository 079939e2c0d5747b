import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { buildBrowserClient } from '../../packages/client/build-browser.mjs';
import { TestCoordinator } from '../support/test-coordinator.js';
import { chromium, launch, open } from './chromium.js';

const example = fileURLToPath(new URL('../../examples/browser/', import.meta.url));

/** Ten rows of four numbers and a class: two of them are the fifth of five. */
const table = [
  'a,b,c,d,class',
  ...Array.from({ length: 10 }, (_, row) => `${row},0.5,0.25,1,${row % 2}`),
].join('\n');

export interface PageChoices {
  /** Clients beside the page. */
  readonly others: number;
  /** Whether the person keeps rows aside. */
  readonly aside?: boolean;
  /** Of the coordinator. */
  readonly settings?: Record<string, unknown>;
}

/** The example page, built for the tests of a file. @returns opens it, takes part on ten rows, and waits until it is welcomed */
export function pageOnRows() {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tutti-page-'));
    await cp(example, folder, { recursive: true });
    await buildBrowserClient(join(folder, 'tutti'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  return async ({ others, aside = false, settings }: PageChoices) => {
    const coordinator = await TestCoordinator.start({
      page: folder,
      rounds: { phaseDeadline: 20, grace: 0, pause: 0, retry: { least: 0.2, most: 1 } },
      ...settings,
    });
    onTestFinished(() => coordinator.dispose());
    const clients = await coordinator.join(others);
    onTestFinished(() => clients.forEach((client) => client.leave()));
    const { json } = await coordinator.ask('invite', { body: { count: 1 } });
    const [invitation = ''] = (json as { invitations: readonly string[] }).invitations;
    const { page, errors } = await open(await launch(chromium ?? ''), `${coordinator.url}/page/`);
    await page.waitForSelector('html[data-ready=true]');
    const file = join(folder, 'rows.csv');
    await writeFile(file, table);
    await ((await page.$('#csv')) as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(file);
    await page.waitForFunction(`document.getElementById('count').textContent === '10'`);
    if (aside) await page.click('#aside');
    await page.type('#invitation', invitation);
    await page.click('#epsilon', { count: 3 });
    await page.type('#epsilon', '1000');
    await page.evaluate(`
      window.told = [];
      addEventListener('tutti', ({ detail }) => window.told.push(detail));
    `);
    await page.click('#join');
    await page.waitForFunction(`window.told.some(({ kind }) => kind === 'welcomed')`);
    return { coordinator, page, errors };
  };
}
