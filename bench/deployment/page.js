// People at web pages: Chromium on examples/browser, led as a person would.
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import puppeteer from 'puppeteer-core';

export class Page {
  /** @param {string} fingerprint - of the one certificate that this browser is to believe though no public authority made it */
  static async open(executablePath, { url, rows, fingerprint, profile }) {
    const page = new Page();
    page.records = [];
    page.browser = await puppeteer.launch({
      executablePath,
      headless: true,
      userDataDir: profile,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--ignore-certificate-errors-spki-list=${fingerprint}`,
      ],
    });
    const log = createWriteStream(`${profile}.jsonl`);
    page.tab = await page.browser.newPage();
    await page.tab.exposeFunction('tuttiBenchEvent', (event) => log.write(`${JSON.stringify(event)}\n`));
    page.tab.on('pageerror', (error) =>
      log.write(`${JSON.stringify({ kind: 'error', message: String(error) })}\n`),
    );
    await page.tab.exposeFunction('tuttiBenchVector', (record) => page.records.push(record));
    await page.tab.evaluateOnNewDocument(`
      new BroadcastChannel('tutti-bench-vectors').onmessage = ({ data }) => window.tuttiBenchVector(data);
      addEventListener('tutti', ({ detail: { kind, code, round } }) => window.tuttiBenchEvent({ time: Date.now(), kind, code, round }));
      window.longest = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
      }).observe({ type: 'longtask' });
    `);
    // The network of this run is bad on purpose: a person would load the page again.
    for (let tries = 0; ; tries++) {
      try {
        await page.tab.goto(`${url}/page/`);
        await page.tab.waitForSelector('html[data-ready=true]', { timeout: 10_000 });
        break;
      } catch (error) {
        if (tries === 5) throw error;
      }
    }
    const file = `${profile}.csv`;
    await writeFile(file, rows);
    await (await page.tab.$('#csv')).uploadFile(file);
    await page.tab.waitForFunction(`document.getElementById('count').textContent !== '0'`);
    return page;
  }

  async join(invitation, { epsilon, cohort }) {
    const set = (id, value) =>
      this.tab.$eval(id, (field, text) => ((field.value = text), undefined), String(value));
    await set('#invitation', invitation);
    await set('#epsilon', epsilon);
    await set('#cohort', cohort);
    for (let tries = 0; tries < 10; tries++) {
      await this.tab.click('#join');
      const joined = `!document.getElementById('leave').disabled`;
      const refused = `!document.getElementById('problem').hidden`;
      await this.tab.waitForFunction(`${joined} || ${refused}`, { timeout: 20_000 });
      if (await this.tab.evaluate(joined)) return;
    }
    throw new Error(await this.tab.$eval('#problem', ({ innerText }) => innerText));
  }

  /** Agrees to the first job that is offered. */
  async agree() {
    await this.tab.waitForSelector('[data-agree=true]', { timeout: 120_000 });
    await this.tab.evaluate(`window.longest = 0`);
    await this.tab.click('[data-agree=true]');
  }

  /** What the person is told that it has cost so far, and for how long the page was blocked at the most since the person agreed. */
  async standing() {
    const text = await this.tab.$eval('#jobs', ({ innerText }) => innerText);
    const [, epsilon, rounds] = /ε ([\d.]+) in (\d+) rounds/.exec(text) ?? [];
    const longest = await this.tab.evaluate('window.longest');
    return { epsilon: Number(epsilon), contributions: Number(rounds), longest };
  }

  close() {
    return this.browser.close();
  }
}
