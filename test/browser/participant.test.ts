import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { publicGenerator } from '@tutti/client/training';
import { decodeInvitation, encodeInvitation } from '@tutti/shared/protocol';
import { buildBrowserClient } from '../../packages/client/build-browser.mjs';
import { chromium, launch, open } from './chromium.js';
import { openFederation } from './federation.js';

let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'tutti-bundle-'));
  await buildBrowserClient(bundle);
});
afterAll(() => rm(bundle, { recursive: true, force: true }));

const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

/** What a page may be blocked for on a machine that is busy with other tests; `bench` measures it where it is idle. */
const LONGEST_BLOCK_MS = 250;

const NODE_PARTICIPANTS = 6;
const POPULATION = NODE_PARTICIPANTS + 2;

const job = {
  name: 'digits-in-the-browser',
  purpose: 'To read handwriting',
  model: { inputs: 64, classes: 10 },
  training: { epochs: 2, batchSize: 8, learningRate: 0.3 },
  rounds: 3,
  cohort: { samplingRate: 1, minimum: 6, maximum: 12, survivorFraction: 0.8, corruptFraction: 0 },
  // So little noise that each update can be found in the mean: what is tested is the sum. With less no ε could be given at all.
  privacy: { epsilon: 10_000, delta: 0.01, clipNorm: 1, noiseMultiplier: 0.17 },
} as const;

/** Rows that are no digits, but have a pattern of their own for each class. */
function rows(seed: number, count: number) {
  const draw = publicGenerator(seed);
  const labels = Int32Array.from({ length: count }, () => Math.floor(draw() * 10));
  const features = new Float32Array(count * 64);
  labels.forEach((label, row) => {
    for (let pixel = 0; pixel < 64; pixel++) {
      features[row * 64 + pixel] = (pixel % 10 === label ? 0.8 : 0.1) + 0.1 * draw();
    }
  });
  return { features, labels, count };
}

function csvOf({ features, labels, count }: ReturnType<typeof rows>): string {
  const header = [...Array.from({ length: 64 }, (_, pixel) => `p${pixel}`), 'label'].join(',');
  const lines = Array.from({ length: count }, (_, row) =>
    [...features.slice(row * 64, row * 64 + 64)]
      .map((value) => (value * 16).toFixed(4))
      .join(',')
      .concat(`,${labels[row] ?? 0}`),
  );
  return [header, ...lines].join('\n');
}

/** The sum of updates, each scaled down to the clip norm where it is longer, over the cohort that was expected. */
function clippedShares(updates: readonly Float32Array[]): Float32Array {
  const scales = updates.map((update) => Math.min(1, job.privacy.clipNorm / Math.hypot(...update)));
  return Float32Array.from(updates[0]!, (_, at) =>
    updates.reduce((sum, update, client) => sum + (update[at]! * scales[client]!) / POPULATION, 0),
  );
}

const difference = (after: Float32Array, before: Float32Array) =>
  after.map((weight, at) => weight - before[at]!);

/** What is left of the largest update in `rest`: its share in the mean where it is missing or counted twice, noise alone where it is not. */
function largestLeft(rest: Float32Array, updates: readonly Float32Array[]): number {
  return Math.max(
    ...updates.map((update) =>
      Math.abs(rest.reduce((sum, value, at) => sum + value * update[at]!, 0) / Math.hypot(...update)),
    ),
  );
}

/** Less than one clipped update’s share, and four times the noise’s deviation in any direction. */
const MOST_LEFT = 0.65 / POPULATION;

const textOf = (page: Page, selector: string) =>
  page.$eval(selector, (element) => (element as unknown as { innerText: string }).innerText);

async function loadRows(page: Page, file: string, count: number): Promise<void> {
  const input = await page.$('#csv');
  await (input as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(file);
  await page.waitForFunction(`document.getElementById('count').textContent === '${count}'`);
}

describe.skipIf(chromium === undefined && !required)('a participant in a page (needs Chromium)', () => {
  it('takes part with Node participants in one round, and the sum is that of all', async () => {
    const federation = await openFederation(job, { bundle, population: POPULATION });
    const browsers = await Promise.all([launch(chromium ?? ''), launch(chromium ?? '')]);
    const file = join(bundle, 'rows.csv');
    await writeFile(file, csvOf(rows(7, 30)));
    const pages = await Promise.all(browsers.map((browser) => open(browser, `${federation.url}/page/`)));
    for (const { page } of pages) {
      await page.waitForSelector('html[data-ready=true]');
      await loadRows(page, file, 30);
      await page.type('#invitation', federation.invitation);
      await page.click('#epsilon', { count: 3 });
      await page.type('#epsilon', '1000000');
      await page.evaluate(`
        window.longest = 0;
        addEventListener('tutti', ({ detail }) => {
          if (detail.kind === 'trained') window.update = detail.update;
        });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
        }).observe({ type: 'longtask' });
      `);
      await page.click('#join');
    }
    for (let seed = 1; seed <= NODE_PARTICIPANTS; seed++) await federation.join(rows(seed, 25));
    await vi.waitFor(() => expect(federation.sessions.connected.size).toBe(POPULATION), { timeout: 20_000 });

    const runner = await federation.runner(20_000);
    let before = runner.weights.slice();
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed', survivors: NODE_PARTICIPANTS });
    // Nobody in a browser has agreed yet: both declined, were shown the job, and the sum is of the others.
    expect(
      largestLeft(
        difference(clippedShares(federation.updates), difference(runner.weights, before)),
        federation.updates,
      ),
    ).toBeLessThan(MOST_LEFT);
    for (const { page } of pages) {
      await page.waitForSelector('[data-agree=true]');
      expect(await textOf(page, '#jobs')).toContain('To read handwriting');
      await page.click('[data-agree=true]');
      await page.waitForSelector('[data-agree=false]');
    }

    federation.updates.length = 0;
    before = runner.weights.slice();
    expect(await runner.attempt()).toMatchObject({ outcome: 'completed', survivors: POPULATION });
    for (const { page } of pages) {
      await page.waitForFunction(`document.getElementById('progress').value === 5`);
      expect(await textOf(page, '#jobs')).toMatch(/in 1 rounds/);
      federation.updates.push(Float32Array.from((await page.evaluate('[...window.update]')) as number[]));
      expect(await page.evaluate('window.longest')).toBeLessThan(LONGEST_BLOCK_MS);
    }
    expect(
      largestLeft(
        difference(clippedShares(federation.updates), difference(runner.weights, before)),
        federation.updates,
      ),
    ).toBeLessThan(MOST_LEFT);
    expect(pages.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('keeps its identity from one visit to the next, and admits one page at a time', async () => {
    const federation = await openFederation(job, { bundle, population: POPULATION });
    const browser = await launch(chromium ?? '');
    const { page } = await open(browser, `${federation.url}/page/`);
    await page.waitForSelector('html[data-ready=true]');
    const fingerprint = await textOf(page, '#fingerprint');
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);

    const second = await open(browser, `${federation.url}/page/`);
    await second.page.waitForSelector('#problem:not([hidden])');
    expect(await textOf(second.page, '#problem')).toContain(
      'Another page of this browser already takes part.',
    );
    await second.page.close();

    await page.reload();
    await page.waitForSelector('html[data-ready=true]');
    expect(await textOf(page, '#fingerprint')).toBe(fingerprint);
  });

  it('refuses what is not an invitation, a token that is not good, and a coordinator with another key', async () => {
    const federation = await openFederation(job, { bundle, population: POPULATION });
    const { page } = await open(await launch(chromium ?? ''), `${federation.url}/page/`);
    await page.waitForSelector('html[data-ready=true]');
    const invitation = decodeInvitation(federation.invitation);
    const file = join(bundle, 'few-rows.csv');
    await writeFile(file, csvOf(rows(3, 4)));
    const joinWith = async (word: string) => {
      await page.$eval(
        '#invitation',
        (field, value) => ((field as unknown as { value: string }).value = value),
        word,
      );
      await page.$eval('#problem', (problem) => ((problem as unknown as { hidden: boolean }).hidden = true));
      await page.click('#join');
      await page.waitForSelector('#problem:not([hidden])');
      return textOf(page, '#problem');
    };
    expect(await joinWith(federation.invitation)).toContain('There is nothing to learn from yet.');
    await loadRows(page, file, 4);
    expect(await joinWith('tutti-invitation-abc')).toContain('This is not a whole invitation.');
    expect(await joinWith(encodeInvitation({ ...invitation, token: 'x'.repeat(30) }))).toContain(
      'it answered 403',
    );
    const pinned = encodeInvitation({ ...invitation, coordinator: '5a'.repeat(32) });
    expect(await joinWith(pinned)).toMatch(/it answered 403|not the one whose key is pinned/);
    expect(federation.sessions.connected.size).toBe(0);
  });

  it('names the line and the column of a wrong file, and repeats nothing of it', async () => {
    const federation = await openFederation(job, { bundle, population: POPULATION });
    const { page } = await open(await launch(chromium ?? ''), `${federation.url}/page/`);
    await page.waitForSelector('html[data-ready=true]');
    const file = join(bundle, 'wrong.csv');
    await writeFile(file, csvOf(rows(3, 4)).replace(/\n[^,]*,/, '\nsecret-cell,'));
    await ((await page.$('#csv')) as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(file);
    await page.waitForSelector('#problem:not([hidden])');
    const problem = await textOf(page, '#problem');
    expect(problem).toContain('wrong.csv, line 2, column “p0”');
    expect(problem).not.toContain('secret-cell');
  });
});

describe('the bundle', () => {
  it('is under 400 KB gzipped, TensorFlow.js core and layers included, a backend\u2019s binary left out', async () => {
    const files = (await readdir(bundle)).filter(
      (name) => name.endsWith('.js') && !/^(wasm|webgl)-backend/.test(name),
    );
    const sizes = await Promise.all(
      files.map(async (name) => gzipSync(await readFile(join(bundle, name))).length),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(100_000);
    expect(total).toBeLessThan(400_000);
  });
});
