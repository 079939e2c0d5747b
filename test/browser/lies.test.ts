import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createIdentity } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { makeCertificateAuthority } from '../../bench/deployment/certificates.mjs';
import { buildBrowserClient } from '../../packages/client/build-browser.mjs';
import { LIES, saidTo, startLyingCoordinator, type Lie } from '../support/lying-coordinator.js';
import { chromium, CHROMIUM_FLAGS } from './chromium.js';
import { servePage } from './serve-page.js';

const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

let bundle: string;
let browser: Browser | undefined;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'tutti-bundle-'));
  await buildBrowserClient(bundle);
  await writeFile(join(bundle, 'rows.csv'), 'a,b,class\n0,1,0\n1,0,1\n');
  if (chromium === undefined && !required) return;
  browser = await puppeteer.launch({ executablePath: chromium ?? '', headless: true, args: CHROMIUM_FLAGS });
});
afterAll(async () => {
  await browser?.close();
  await rm(bundle, { recursive: true, force: true });
});

/** A person at a page who has rows and asks for sums of five, with an identity of this test's own. */
async function scene(options: Parameters<typeof startLyingCoordinator>[0] = {}, at?: string) {
  const coordinator = await startLyingCoordinator({
    ...options,
    app: (app) => {
      options.app?.(app);
      servePage(app, bundle);
    },
  });
  const context = await browser!.createBrowserContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(`${coordinator.url}/page/`);
  await page.waitForSelector('html[data-ready=true]');
  await page.evaluate(`
    window.kinds = [];
    addEventListener('tutti', ({ detail }) => window.kinds.push(detail.code ?? detail.kind));
  `);
  await ((await page.$('#csv')) as ElementHandle<HTMLInputElement>).uploadFile(join(bundle, 'rows.csv'));
  await page.waitForFunction(`document.getElementById('count').textContent === '2'`);
  await set(page, '#invitation', coordinator.invitation(at));
  await set(page, '#epsilon', '1000000');
  await set(page, '#cohort', '5');
  await page.click('#join');
  return { coordinator, page, kinds: () => page.evaluate('window.kinds') as Promise<string[]> };
}

async function set(page: Page, selector: string, value: string): Promise<void> {
  await page.$eval(selector, (field, text) => ((field as unknown as { value: string }).value = text), value);
}

/** What the page says to an invitation, once the person has agreed to the job where the page asks for it. */
async function answer(
  { coordinator, page }: Awaited<ReturnType<typeof scene>>,
  lie: Lie = {},
  reference: { round?: number } = {},
): Promise<string> {
  const first = saidTo(await coordinator.invite(lie, reference));
  if (first !== 'policy.approval-pending') return first;
  await page.waitForSelector('[data-agree=true]');
  await page.click('[data-agree=true]');
  await page.waitForSelector('[data-agree=false]');
  return saidTo(await coordinator.invite(lie, reference));
}

describe.skipIf(chromium === undefined && !required)(
  'a participant in a page, and a coordinator that (needs Chromium)',
  () => {
    it('does not lie: it takes part', async () => {
      expect(await answer(await scene())).toBe('advert');
    });

    it.each(LIES)('%s: it declines by %s, and sends nothing', async (_what, code, lie) => {
      const seen = await scene();
      expect(await answer(seen, lie)).toBe(code);
      expect(seen.coordinator.answers.map(saidTo)).not.toContain('advert');
      expect(await seen.kinds()).not.toContain('joined');
    });

    it('opens a second round under one number: it joins the first alone', async () => {
      const seen = await scene();
      expect(await answer(seen)).toBe('advert');
      expect(await answer(seen, {}, { round: 2 })).toBe('advert');
      expect(await answer(seen)).toBe('secagg.policy.roundNumber');
    });

    it('has another key than the one that is pinned: it does not speak to it', async () => {
      const { page, coordinator } = await scene({ greetsAs: await createIdentity(primitives, systemRandom) });
      await page.waitForSelector('#problem:not([hidden])');
      const problem = await page.$eval('#problem', (element) => element.textContent);
      expect(problem).toContain('not the one whose key is pinned');
      expect(coordinator.answers).toEqual([]);
    });

    it('could not be heard in the middle of loading: the page loads what is missing at the next round', async () => {
      let refused = 0;
      const seen = await scene({
        app: (app) =>
          app.get('/page/tutti/training-worker.js', async (context, next) =>
            refused++ === 0 ? context.body(null, 503) : next(),
          ),
      });
      await answer(seen);
      expect(await seen.kinds()).toContain('browser.worker');
      expect(await answer(seen, {}, { round: 2 })).toBe('advert');
      expect(refused).toBe(2);
      expect(await seen.kinds()).toContain('trained');
    });

    it('has a TLS certificate that the browser does not believe: it is asked for nothing', async () => {
      const authority = await makeCertificateAuthority();
      const { certificate, key } = await authority.issue(['127.0.0.1']);
      let asked = 0;
      const server = createServer({ cert: certificate, key }, (_incoming, reply) => {
        asked++;
        reply.end();
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const { page } = await scene({}, `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
      await page.waitForSelector('#problem:not([hidden])');
      const problem = await page.$eval('#problem', (element) => element.textContent);
      expect(problem).toContain('Check the connection');
      expect(asked).toBe(0);
    });
  },
);
