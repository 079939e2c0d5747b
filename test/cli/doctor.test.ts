import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkBackends, checkClock, checkDisk, checkNode } from '../../packages/cli/src/doctor/checks.js';
import { run } from './command.js';

describe('tutti doctor', () => {
  it('says what is here, and that it will do', async () => {
    const { code, stdout, stderr } = await run(['doctor']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const subject of [
      'Node.js',
      'machine',
      'disk',
      'clock',
      'backend arrays',
      'backend wasm',
      'backend cpu',
    ])
      expect(stdout).toMatch(new RegExp(`^ok +${subject}`, 'm'));
    expect(stdout).toMatch(/^(ok|note) +backend native/m);
  });

  it('gives the same to programs', async () => {
    const { stdout } = await run(['doctor', '--json']);
    const { findings } = JSON.parse(stdout) as { findings: { subject: string; verdict: string }[] };
    expect(findings.map(({ subject }) => subject)).toContain('backend native');
    expect(findings.every(({ verdict }) => ['ok', 'note', 'problem'].includes(verdict))).toBe(true);
  });

  it('ends with 1 where something has to be mended', async () => {
    const { code, stdout } = await run(['doctor', '--coordinator', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^problem +clock +http:\/\/127.0.0.1:1 does not answer/m);
  });
});

describe('the checks', () => {
  it.each([
    ['20.18.3', 'problem'],
    ['20.19.0', 'ok'],
    ['21.7.0', 'problem'],
    ['22.12.0', 'problem'],
    ['22.13.0', 'ok'],
    ['23.9.0', 'problem'],
    ['24.0.0', 'ok'],
  ])('of Node.js %s: %s', (version, verdict) => {
    expect(checkNode(version).verdict).toBe(verdict);
  });

  it('say why the native backend does not run, and how to get it', async () => {
    const [finding] = await checkBackends(() =>
      Promise.resolve([{ backend: 'native', available: false, reason: 'no library', remedy: 'build it' }]),
    );
    expect(finding).toEqual({
      subject: 'backend native',
      verdict: 'note',
      found: 'does not run here: no library',
      remedy: 'build it',
    });
  });

  it('find the free space of a disk', async () => {
    expect((await checkDisk('/')).found).toMatch(/^\d+\.\d GB free in \/$/);
  });

  it('notice a clock that is before the installation', async () => {
    expect((await checkClock(() => 0, undefined)).verdict).toBe('problem');
  });
});

describe('the clock beside a coordinator’s', () => {
  const servers: { close: () => void }[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  async function coordinator(date: string | undefined): Promise<string> {
    const server = createServer((_, response) => {
      response.sendDate = false;
      if (date !== undefined) response.setHeader('date', date);
      response.end();
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const noon = 'Wed, 01 Jan 2025 12:00:00 GMT';

  it.each([
    [0, 'ok', /within 5 s/],
    [-60_000, 'problem', /\b6[01] s behind/],
    [3_600_000, 'problem', /3600 s ahead|3599 s ahead/],
  ])('by %d ms', async (difference, verdict, found) => {
    const finding = await checkClock(() => Date.parse(noon) + difference, await coordinator(noon));
    expect(finding.verdict).toBe(verdict);
    expect(finding.found).toMatch(found);
  });

  it('is unknown where it tells none', async () => {
    expect((await checkClock(Date.now, await coordinator(undefined))).verdict).toBe('note');
  });
});
