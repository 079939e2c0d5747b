import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildBrowserClient } from '../../packages/client/build-browser.mjs';
import { QUICK_EVALUATION } from '../support/evaluation.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../support/test-coordinator.js';
import { chromium, launch, open } from './chromium.js';

const example = fileURLToPath(new URL('../../examples/browser/', import.meta.url));
const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-page-'));
  await cp(example, folder, { recursive: true });
  await buildBrowserClient(join(folder, 'tutti'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Ten rows of four numbers and a class: two of them are the fifth of five. */
const table = [
  'a,b,c,d,class',
  ...Array.from({ length: 10 }, (_, row) => `${row},0.5,0.25,1,${row % 2}`),
].join('\n');

/** A page on these rows beside so many others, at a coordinator whose jobs need five. */
async function takePart(others: number, aside: boolean) {
  const coordinator = await TestCoordinator.start({
    page: folder,
    rounds: { phaseDeadline: 20, grace: 0, pause: 0, retry: { least: 0.2, most: 1 } },
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
}

async function agreeTo(page: Page, job: string): Promise<void> {
  await page.waitForFunction(`document.getElementById('jobs').innerText.includes('${job}')`);
  await page.click('[data-agree=true]');
}

const submit = async (coordinator: TestCoordinator, job: string) => {
  const { status, text } = await coordinator.ask('submitJob', { body: { job } });
  expect(status, text).toBeLessThan(300);
};

/** A job, once it has finished. */
const finished = (coordinator: TestCoordinator, named: string) =>
  eventually(async () => {
    const { json } = await coordinator.ask('showJob', { named });
    return (json as { status: string }).status === 'finished' ? json : undefined;
  });

describe.skipIf(chromium === undefined && !required)('an evaluation in a page (needs Chromium)', () => {
  it('counts on the rows that are kept aside, after training on the others, each once the person has agreed', async () => {
    const { coordinator, page, errors } = await takePart(4, true);
    await submit(coordinator, QUICK_JOB);
    await agreeTo(page, 'quick');
    await finished(coordinator, 'quick');
    await submit(coordinator, QUICK_EVALUATION);
    await agreeTo(page, 'how-good');
    await finished(coordinator, 'how-good');
    expect(
      await page.$eval('#jobs', (jobs) => (jobs as unknown as { innerText: string }).innerText),
    ).toContain('the examples that you keep aside');
    const counted = (await page.evaluate(`
      window.told.filter(({ kind }) => kind === 'counted').map(({ counts }) => [...counts])
    `)) as number[][];
    expect(counted).toHaveLength(1);
    // Rows; then, behind those that were right and the loss, rows of each class by what they were taken for.
    const [[rows, , , ...rest] = []] = counted;
    expect(rows).toBe(2);
    const [zeroAsZero = NaN, zeroAsOne = NaN, oneAsZero = NaN, oneAsOne = NaN] = rest;
    expect([zeroAsZero + zeroAsOne, oneAsZero + oneAsOne]).toEqual([1, 1]);
    expect(errors).toEqual([]);
  });

  it('is refused where nothing is kept aside, and is not even offered', async () => {
    const { coordinator, page } = await takePart(5, false);
    await submit(coordinator, QUICK_JOB);
    await finished(coordinator, 'quick');
    await submit(coordinator, QUICK_EVALUATION);
    await page.waitForFunction(`window.told.some(({ code }) => code === 'policy.approval-refused')`);
    const offered = (await page.evaluate(`
      window.told.filter(({ kind }) => kind === 'offered').map(({ offer }) => offer.name)
    `)) as string[];
    expect(new Set(offered)).toEqual(new Set(['quick']));
    expect(await page.evaluate(`window.told.some(({ kind }) => kind === 'counted')`)).toBe(false);
  });
});
