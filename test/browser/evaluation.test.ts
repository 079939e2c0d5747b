import type { Page } from 'puppeteer-core';
import { describe, expect, it } from 'vitest';
import { QUICK_EVALUATION } from '../support/evaluation.js';
import { eventually, QUICK_JOB, type TestCoordinator } from '../support/test-coordinator.js';
import { chromium } from './chromium.js';
import { pageOnRows } from './page-on-rows.js';

const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;
const takePart = pageOnRows();

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
    const { coordinator, page, errors } = await takePart({ others: 4, aside: true });
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
    const { coordinator, page } = await takePart({ others: 5 });
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
