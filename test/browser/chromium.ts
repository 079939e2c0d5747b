import { existsSync } from 'node:fs';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { onTestFinished } from 'vitest';

const candidates = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** A Chromium on this machine, or undefined. */
export const chromium = candidates.find((path) => path !== undefined && existsSync(path));

export const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

export interface OpenPage {
  readonly page: Page;
  /** What went wrong in the page: errors of scripts and of the console. */
  readonly errors: string[];
}

/** A browser with a profile of its own, closed when the test is over. */
export async function launch(executablePath: string): Promise<Browser> {
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    args: CHROMIUM_FLAGS,
  });
  onTestFinished(() => browser.close());
  return browser;
}

/** Opens an address in a browser, and listens for what goes wrong. */
export async function open(browser: Browser, url: string): Promise<OpenPage> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}
