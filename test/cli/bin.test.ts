import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Outcome } from './command.js';

const bin = fileURLToPath(new URL('../../packages/cli/bin/tutti.js', import.meta.url));

/** Runs the built command in a process of its own, as npm does. */
function tutti(...argv: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...argv], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

it('the built command answers, and its exit code is that of the command line', async () => {
  expect(await tutti('--version')).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout, stderr } = await tutti('job', 'check', 'test/cli/bin.test.ts');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('test/cli/bin.test.ts:');
  expect(stderr).not.toMatch(/\n\s+at /);
});

it('the built command finds its default job from any folder', async () => {
  const { code, stderr } = await tutti('simulate', '--rounds', '0');
  expect(code).toBe(2);
  expect(stderr).toContain('--rounds: found 0');
});
