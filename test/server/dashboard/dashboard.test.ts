import type { Page } from 'puppeteer-core';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildDashboard } from '../../../packages/server/build-dashboard.mjs';
import { chromium, launch, open } from '../../browser/chromium.js';
import { auditReport } from '../../support/audit-report.js';
import { trainAndEvaluate } from '../../support/evaluation.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

beforeAll(() =>
  buildDashboard(fileURLToPath(new URL('../../../packages/server/dist/dashboard', import.meta.url))),
);

async function coordinatorOfTest(): Promise<TestCoordinator> {
  const coordinator = await TestCoordinator.start();
  onTestFinished(() => coordinator.dispose());
  return coordinator;
}

const content = (page: Page) =>
  page.$eval('body', (body) => (body as unknown as { innerText: string }).innerText);

const shows = (page: Page, text: string) =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`);

/** Signs in with the keyboard alone. */
async function signIn(page: Page, token: string): Promise<void> {
  await page.waitForSelector('input[name=token]');
  await page.keyboard.press('Tab');
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
}

describe.skipIf(chromium === undefined && !required)('the dashboard (needs Chromium)', () => {
  it('follows a job from its first client to its last round, and verifies the ledger by itself', async () => {
    const coordinator = await coordinatorOfTest();
    await coordinator.join(5);
    const { page, errors } = await open(await launch(chromium ?? ''), coordinator.url);
    await signIn(page, coordinator.token);
    await shows(page, '5 clients');
    await shows(page, 'No job yet');
    await coordinator.ask('submitJob', { body: { job: QUICK_JOB } });
    await shows(page, 'quick');
    await page.waitForSelector('.status.finished');
    const job = await page.$('.jobs a');
    await job?.focus();
    await page.keyboard.press('Enter');
    await shows(page, 'Latest rounds');
    expect(await content(page)).toMatch(/Round 2 of 2/);
    expect(await content(page)).toMatch(/5 of 5/);
    expect(await page.$$eval('.chart [role=img]', (charts) => charts.length)).toBeGreaterThanOrEqual(2);

    await page.evaluate(`location.hash = '#/ledger'`);
    await shows(page, 'The chain holds');
    expect(await content(page)).toContain('charged before unmasking: 5 sharers, 5 in the sum');

    await page.evaluate(`location.hash = '#/clients'`);
    await shows(page, '5 connected of 5 enrolled');
    expect(errors).toEqual([]);
  });

  it('shows how good a model is once it was evaluated, with the error of each figure', async () => {
    const coordinator = await coordinatorOfTest();
    await coordinator.join(5);
    await trainAndEvaluate(coordinator);
    const { page, errors } = await open(await launch(chromium ?? ''), coordinator.url);
    await signIn(page, coordinator.token);
    await shows(page, 'how-good');
    const { json } = await coordinator.ask('showJob', { named: 'how-good' });
    await page.evaluate(`location.hash = '#/jobs/${(json as { job: string }).job}'`);
    await shows(page, 'Area under ROC curve');
    const text = await content(page);
    expect(text).toMatch(/Rows counted\s+-?[\d.]+ ± [\d.]+/);
    expect(text).toMatch(/Accuracy\s+(too few|[\d.]+ ± [\d.]+)/);
    expect(text).toContain('Class, taken for');
    expect(errors).toEqual([]);
  });

  it('says at once that a changed ledger does not hold', async () => {
    const coordinator = await coordinatorOfTest();
    await coordinator.join(5);
    await coordinator.ask('submitJob', { body: { job: QUICK_JOB } });
    const { page } = await open(await launch(chromium ?? ''), coordinator.url);
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/api/ledger')) return void request.continue();
      void coordinator.ask('ledger').then(({ text }) =>
        request.respond({
          status: 200,
          contentType: 'application/jsonl',
          body: text.replace('"epsilonBudget":50', '"epsilonBudget":90'),
        }),
      );
    });
    await signIn(page, coordinator.token);
    await shows(page, 'quick');
    await page.evaluate(`location.hash = '#/ledger'`);
    await shows(page, 'The chain is broken at entry 0');
  });

  it('pauses, resumes and, asked twice, stops a job; and lets a viewer only look', async () => {
    const coordinator = await coordinatorOfTest();
    await coordinator.ask('submitJob', { body: { job: QUICK_JOB, population: 5 } });
    const { json } = await coordinator.ask('addOperator', { body: { name: 'vera', role: 'viewer' } });
    const browser = await launch(chromium ?? '');
    const { page } = await open(browser, coordinator.url);
    await signIn(page, coordinator.token);
    await shows(page, 'running');
    await page.click('.jobs a');
    const press = async (label: string) => {
      const button = await page.waitForSelector(`::-p-text(${label})`);
      await button?.click();
    };
    await press('Pause');
    await shows(page, 'paused');
    await press('Resume');
    await shows(page, 'running');
    await press('Stop…');
    expect(await content(page)).not.toContain('stopped');
    await press('End it for good');
    await shows(page, 'stopped');
    await page.evaluate(`location.hash = '#/privacy'`);
    await shows(page, 'job.stop');

    const viewer = await open(await launch(chromium ?? ''), coordinator.url);
    await signIn(viewer.page, (json as { token: string }).token);
    await viewer.page.waitForSelector('.jobs a');
    await viewer.page.click('.jobs a');
    await shows(viewer.page, 'submitted by admin');
    expect(await viewer.page.$$('main button')).toEqual([]);
    expect(await content(viewer.page)).not.toContain('Privacy officer');
  });

  it('shows a privacy officer the requests for erasure, and exports everything signed, by the keyboard', async () => {
    const coordinator = await coordinatorOfTest();
    const clients = await coordinator.join(6);
    const { json } = await coordinator.ask('submitJob', { body: { job: QUICK_JOB } });
    const { job } = json as { job: string };
    await eventually(async () => {
      const { json: now } = await coordinator.ask('showJob', { named: job });
      return (now as { status: string }).status === 'finished' ? true : undefined;
    });
    const { json: shown } = await coordinator.ask('showJob', { named: job });
    const { epsilon, delta } = (shown as { announced: { privacy: { epsilon: number; delta: number } } })
      .announced.privacy;
    const audit = auditReport('quick', { epsilon, delta });
    await coordinator.ask('fileAudit', { named: job, body: { audit } });
    const body = { client: clients[0]!.name, evidence: 'letter' };
    await coordinator.ask('receiveErasure', { body });
    const { page, errors } = await open(await launch(chromium ?? ''), coordinator.url);
    await signIn(page, coordinator.token);
    await shows(page, 'quick');
    await page.evaluate(`location.hash = '#/clients'`);
    await shows(page, 'withdrew');
    await page.evaluate(`location.hash = '#/privacy'`);
    await shows(page, 'E-1');
    await shows(page, 'What is promised');
    await shows(page, 'Audit: not refuted.');
    expect(await content(page)).toContain('This does not prove the claim');
    expect(await content(page)).toContain('Whoever sees only the models');
    expect(await content(page)).not.toContain('Neighbouring relation');
    const whole = await page.$('.promise summary');
    await whole?.focus();
    await page.keyboard.press('Enter');
    await shows(page, 'Neighbouring relation');
    if (process.env['TUTTI_SCREENSHOT'] !== undefined) {
      await page.setViewport({ width: 1280, height: 1500 });
      await page.screenshot({ path: process.env['TUTTI_SCREENSHOT'] });
    }
    expect(await content(page)).toContain('excluded; no remedy was chosen yet');
    expect(await content(page)).toContain('1 of the 6 clients shown have withdrawn');
    for (const [label, name] of [
      ['Export everything, signed', 'tutti-records.zip'],
      ['quick', 'quick-assessment.md'],
    ] as const) {
      const button = await page.waitForSelector(`main button::-p-text(${label})`);
      await button?.focus();
      await page.keyboard.press('Enter');
      await shows(page, `Saved ${name}`);
    }
    expect(errors).toEqual([]);
    for (const client of clients) client.leave();
  });

  it('turns a wrong token away, forgets a token with its tab, and says when the coordinator is away', async () => {
    const coordinator = await coordinatorOfTest();
    const browser = await launch(chromium ?? '');
    const { page } = await open(browser, coordinator.url);
    await signIn(page, 'not-a-token-of-this-coordinator');
    await page.waitForSelector('[role=alert]');
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).toBe('{}');

    await page.reload();
    await signIn(page, coordinator.token);
    await shows(page, 'No job yet');
    const second = await open(browser, coordinator.url);
    await second.page.waitForSelector('input[name=token]');
    await second.page.close();

    await coordinator.close();
    await shows(page, 'The coordinator does not answer. This is what was known at');
    await coordinator.restart();
    await page.waitForFunction(`!document.body.innerText.includes('does not answer')`);
  });

  it('fits a phone, and loads nothing from elsewhere', async () => {
    const coordinator = await coordinatorOfTest();
    await coordinator.join(5);
    await coordinator.ask('submitJob', { body: { job: QUICK_JOB } });
    const { page, errors } = await open(await launch(chromium ?? ''), 'about:blank');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.setViewport({ width: 360, height: 740, isMobile: true });
    await page.goto(coordinator.url);
    await signIn(page, coordinator.token);
    await page.waitForSelector('.status.finished');
    await page.click('.jobs a');
    await page.waitForSelector('.uplot');
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(asked.filter((url) => !url.startsWith(coordinator.url) && !url.startsWith('data:'))).toEqual([]);
    expect(errors).toEqual([]);
  });
});
