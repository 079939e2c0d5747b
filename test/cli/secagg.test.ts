import { describe, expect, it } from 'vitest';
import { run } from './command.js';

const parameters = (...argv: string[]) => run(['secagg', 'parameters', ...argv]);

describe('tutti secagg parameters', () => {
  it('prints what every party computes, as one object', async () => {
    const { code, stdout } = await parameters(
      ...[
        '--cohort',
        '1000',
        '--corrupt',
        '0.1',
        '--dropout',
        '0.1',
        '--profile',
        'M',
        '--seed',
        'beacon',
        '--json',
      ],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      graph: 'ring',
      degree: 132,
      threshold: 97,
      quorum: 551,
      corrupt: 100,
    });
  });

  it('asks more of a graph whose seed the coordinator could grind, and less where it is trusted', async () => {
    const degree = async (...argv: string[]) =>
      (JSON.parse((await parameters('--cohort', '1000', '--json', ...argv)).stdout) as { degree: number })
        .degree;
    expect(await degree('--seed', 'reveal')).toBe(200);
    expect(await degree('--profile', 'S', '--seed', 'server')).toBe(48);
  });

  it('says in words what the numbers mean', async () => {
    const { stdout } = await parameters('--cohort', '100', '--seed', 'none');
    expect(stdout).toContain('complete graph: each of 100 clients masks with 99 others');
  });

  it.each([
    ['what cannot be', ['--cohort', '100', '--corrupt', '0.33', '--dropout', '0.34'], 'Lower the dropout'],
    ['a lying coordinator that draws the graph', ['--cohort', '1000', '--seed', 'server'], 'protects nobody'],
    ['no cohort', [], '--cohort'],
    ['half a client', ['--cohort', '10.5'], 'whole number'],
    ['a fraction above 1', ['--cohort', '10', '--dropout', '2'], 'fraction'],
  ])('exits 2 on %s and says what to do', async (_what, argv, word) => {
    const { code, stdout, stderr } = await parameters(...argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(word);
  });
});
