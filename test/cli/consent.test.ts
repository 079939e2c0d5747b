import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.js';
import { run } from './command.js';

async function scene() {
  const folder = await temporaryDirectory();
  const notice = join(folder, 'notice.txt');
  const data = join(folder, 'data.csv');
  await writeFile(notice, 'What we do with your data.');
  await writeFile(data, 'patient,x\nanna,1\nben,2\nanna,3\n');
  const registry = ['--registry', join(folder, 'registry')];
  const consent = (...argv: string[]) => run(['consent', ...argv, ...registry]);
  const grant = (subject: string) =>
    consent(
      'grant',
      '--subject',
      subject,
      '--purpose',
      'research',
      '--policy',
      notice,
      '--evidence',
      'form 1',
    );
  return { data, consent, grant };
}

describe('tutti consent', () => {
  it('grants, withdraws, lists and checks, and never prints an identifier', async () => {
    const { data, consent, grant } = await scene();
    await grant('anna');
    await grant('ben');
    const check = ['check', data, '--column', 'patient', '--purpose', 'research'];
    expect((await consent(...check)).stdout).toBe('3 rows of 3 may be used; 0 rows to be left out.\n');
    expect((await consent('withdraw', '--subject', 'anna')).stdout).toContain('tutti erase request');
    expect(JSON.parse((await consent(...check, '--json')).stdout)).toEqual({
      rows: 3,
      used: 1,
      leaveOut: [0, 2],
    });
    const list = await consent('list');
    expect(list.stdout).toMatch(/withdrawn/);
    expect(list.stdout).toMatch(/given/);
    const exported = await consent('export');
    expect(exported.stdout).toContain('dpv:ConsentWithdrawn');
    for (const { stdout } of [list, exported]) expect(stdout).not.toMatch(/anna|ben\b/);
  });

  it('exits 2 where it is told nonsense', async () => {
    const { data, consent, grant } = await scene();
    await grant('anna');
    expect((await grant('anna')).code).toBe(2);
    expect((await consent('withdraw', '--subject', 'carla')).stderr).toContain('no consent');
    const wrong = await consent('check', data, '--column', 'person', '--purpose', 'research');
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect((await consent('list', '--expires', 'soon')).code).toBe(2);
  });
});
