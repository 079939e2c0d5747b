import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Hono } from 'hono';
import puppeteer, { type Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTrainer, type Trainer } from '@tutti/client/training';
import { listenOnLoopback } from '@tutti/server';
import { modelSpecSchema } from '@tutti/shared/learning';
import { buildBrowserClient } from '../../packages/client/build-browser.mjs';
import { clusters } from '../client/training/support/models.js';
import { chromium } from './chromium.js';
import { servePage } from './serve-page.js';

/** A graphics processor in software, so that a machine without one computes as one with. */
const WITH_GRAPHICS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];
const required = process.env['TUTTI_REQUIRE_SERVICES'] !== undefined;

let folder: string;
let url: string;
let listening: Awaited<ReturnType<typeof listenOnLoopback>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-webgl-'));
  await buildBrowserClient(folder);
  // What the participant's worker does with a job: it opens a trainer in a worker of its own.
  await build({
    entryPoints: {
      opener: fileURLToPath(new URL('../../packages/client/src/browser/worker-trainer.ts', import.meta.url)),
    },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'warning',
  });
  await writeFile(
    join(folder, 'opener.html'),
    `<!doctype html><script type="module">import { openWorkerTrainer } from './opener.js'; window.opened = openWorkerTrainer;</script>`,
  );
  await writeFile(join(folder, 'no-canvas.js'), 'delete self.OffscreenCanvas;');
  await writeFile(
    join(folder, 'without-graphics.js'),
    "import './no-canvas.js';\nimport './training-worker.js';",
  );
  const app = new Hono();
  servePage(app, folder);
  listening = await listenOnLoopback(app);
  url = `http://127.0.0.1:${listening.port}/page`;
});
afterAll(async () => {
  await listening.close();
  await rm(folder, { recursive: true, force: true });
});

const spec = modelSpecSchema.parse({
  inputs: 6,
  classes: 3,
  hidden: [
    { units: 16, activation: 'relu' },
    { units: 8, activation: 'tanh' },
  ],
});
const examples = clusters(90, 6, 3);
const settings = {
  epochs: 3,
  batchSize: 16,
  learningRate: 0.2,
  optimiser: 'momentum',
  weightDecay: 0.01,
} as const;

/** What a trainer of a page gives after training, from the weights that every client begins with. */
async function trainedInPage(browser: Browser, backend: string, worker = 'training-worker.js') {
  const page = await browser.newPage();
  await page.goto(`${url}/tutti/opener.html`);
  await page.waitForFunction('window.opened !== undefined');
  return page.evaluate(
    async (address, spec, backend, rows, settings) => {
      const { opened: openWorkerTrainer } = window as unknown as {
        opened: (url: URL, spec: unknown, backend: string) => Promise<Trainer>;
      };
      try {
        const trainer = await openWorkerTrainer(new URL(address), spec, backend);
        const data = {
          features: Float32Array.from(rows.features),
          labels: Int32Array.from(rows.labels),
          count: rows.count,
        };
        let draw = 0;
        const trained = await trainer.train(
          trainer.initialWeights(),
          data,
          settings,
          () => (draw = (draw + 0.618) % 1),
        );
        const { accuracy } = await trainer.evaluate(trained, data);
        return { backend: trainer.backend, weights: [...trained], accuracy };
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        return { refused: code ?? 'none', message };
      }
    },
    `${url}/tutti/${worker}`,
    spec,
    backend,
    { features: [...examples.features], labels: [...examples.labels], count: examples.count },
    settings,
  );
}

describe.skipIf(chromium === undefined && !required)('a page that computes on the graphics processor', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await puppeteer.launch({ executablePath: chromium ?? '', headless: true, args: WITH_GRAPHICS });
  });
  afterAll(() => browser.close());

  it('trains to the weights that typed arrays give, but for the last digits', async () => {
    const found = await trainedInPage(browser, 'webgl');
    expect(found).toMatchObject({ backend: 'webgl' });
    const trainer = await createTrainer(spec, 'arrays');
    let draw = 0;
    const uniform = () => (draw = (draw + 0.618) % 1);
    const trained = await trainer.train(trainer.initialWeights(), examples, settings, uniform);
    const { weights = [], accuracy } = found as { weights?: number[]; accuracy?: number };
    expect(weights).toHaveLength(trained.length);
    const off = Math.hypot(...weights.map((weight, at) => weight - trained[at]!));
    const moved = Math.hypot(...trained.map((weight, at) => weight - trainer.initialWeights()[at]!));
    expect(off / moved).toBeLessThan(1e-4);
    expect(accuracy).toBe((await trainer.evaluate(trained, examples)).accuracy);
    trainer.dispose();
  });

  it('says so where there is none, and what to do', async () => {
    const without = (backend: string) => trainedInPage(browser, backend, 'without-graphics.js');
    expect(await without('webgl')).toMatchObject({ refused: 'training.backend' });
    expect(await without('auto')).toMatchObject({ backend: 'arrays' });
  });
});

describe('a process of Node', () => {
  it('has no backend for graphics processors, and says so', async () => {
    await expect(createTrainer(spec, 'webgl')).rejects.toMatchObject({ code: 'training.backend' });
  });
});
