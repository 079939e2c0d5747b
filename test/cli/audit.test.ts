import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.js';
import { run } from './command.js';

const plan = (...argv: string[]) => run(['audit', 'plan', ...argv]);

describe('tutti audit plan', () => {
  it('says what a number of canaries can show, and that nothing can be proved by it', async () => {
    const { code, stdout } = await plan('--canaries', '1000', '--delta', '2e-4');
    expect(code).toBe(0);
    expect(stdout).toContain('ε = 5.20 at δ = 2.0e-4');
    expect(stdout).toContain('It cannot prove one');
  });

  it('says how many canaries a claim needs, and how many of the guesses must be right', async () => {
    const { stdout } = await plan('--canaries', '200', '--epsilon', '3', '--delta', '2e-4', '--json');
    const answer = JSON.parse(stdout) as Record<string, number>;
    expect(answer).toMatchObject({ fewestCanaries: 64, fewestCorrect: 196 });
    expect(answer['largestEpsilon']).toBeCloseTo(4.08, 2);
  });

  it('takes the terms from a job file, and guesses as its audit will', async () => {
    const { stdout } = await plan('examples/jobs/digits.yaml');
    expect(stdout).toContain('200 canaries, 160 guesses');
    expect(stdout).toContain('would pass whatever the mechanism does');
  });

  it.each([
    ['nothing to plan', [], '--canaries'],
    ['more guesses than canaries', ['--canaries', '10', '--guesses', '11'], 'at most all of them'],
    ['half a canary', ['--canaries', '0.5'], 'whole number'],
  ])('exits 2 on %s', async (_what, argv, word) => {
    const { code, stderr } = await plan(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(word);
  });
});

describe('tutti simulate with a job that requires an audit', () => {
  it('refuses one that would pass whatever the mechanism does', async () => {
    const folder = await temporaryDirectory();
    const path = join(folder, 'job.yaml');
    await writeFile(
      path,
      'name: toothless\nmodel: { inputs: 64, classes: 10 }\naudit: { required: true, canaries: 20 }\n',
    );
    const { code, stderr } = await run(['simulate', path, '--out', folder]);
    expect(code).toBe(2);
    expect(stderr).toContain('would pass whatever the mechanism does');
  });
});
