import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statisticsJobSchema, type StatisticsJobInput } from '@tutti/shared/protocol';
import { resumeAny, RunDirectory, simulateAny, simulateStatistics } from '@tutti/simulation';
import { run } from '../cli/command.js';
import { temporaryDirectory } from '../support/temporary.js';

const PRESSURES = Array.from({ length: 400 }, (_, row) => 900 + ((row * 37) % 200));
const MEAN = 999.5;

async function folder(): Promise<string> {
  const directory = await temporaryDirectory();
  // A row in eight has not been measured.
  const lines = PRESSURES.map((pressure, row) => `${pressure},${row % 8 === 0 ? '' : 1},${row % 2}`);
  await writeFile(join(directory, 'rows.csv'), `pressure,one,label\n${lines.join('\n')}\n`);
  return directory;
}

const input: StatisticsJobInput = {
  name: 'pressures',
  kind: 'statistics',
  data: { source: 'rows.csv', heldOut: 0.25 },
  statistics: {
    columns: [
      { name: 'pressure', lower: 800, upper: 1200 },
      { name: 'one', lower: 0, upper: 2 },
    ],
    bins: 8,
    rowsPerClient: 25,
    quantiles: [0.5],
  },
  rounds: 2,
  cohort: { samplingRate: 1, minimum: 15, maximum: 20, corruptFraction: 0 },
  privacy: { epsilon: 30, delta: 1e-3 },
  simulation: { clients: 20, dropout: 0 },
};
const job = statisticsJobSchema.parse(input);

describe('a simulation of a job that counts', () => {
  it('finds what the rows of its clients say, missing cells left out, over sockets as in memory', async () => {
    const directory = await folder();
    const options = { job, seed: 5, out: directory, jobDirectory: directory } as const;
    const summary = await simulateStatistics({ ...options, transport: 'socket' });
    const [pressure, one] = summary.columns;
    // Of 400 rows, 300 are the clients’.
    expect(Math.abs((pressure?.count.value ?? NaN) - 300)).toBeLessThan(4 * (pressure?.count.noise ?? NaN));
    expect(Math.abs((pressure?.mean?.value ?? NaN) - MEAN)).toBeLessThan(
      4 * (pressure?.mean?.noise ?? NaN) + 10,
    );
    expect(pressure?.mean?.noise).toBeLessThan(60);
    expect(Math.abs((one?.count.value ?? NaN) - 262)).toBeLessThan(4 * (one?.count.noise ?? NaN) + 20);
    expect(Math.abs((one?.mean?.value ?? NaN) - 1)).toBeLessThan(4 * (one?.mean?.noise ?? NaN));
    expect(summary.epsilon.coordinator).toBeLessThanOrEqual(30);
    const again = await simulateStatistics({ ...options, transport: 'memory' });
    expect(again.statisticsHash).toBe(summary.statisticsHash);
  });

  it('goes on after an interrupt to the statistics that it would have had', async () => {
    const directory = await folder();
    const options = { job, seed: 5, transport: 'memory', out: directory, jobDirectory: directory } as const;
    const whole = await simulateAny(options);
    const controller = new AbortController();
    const observe = ({ kind }: { kind: string }) => kind === 'round' && controller.abort();
    const interrupted = await simulateAny({ ...options, signal: controller.signal, observe });
    expect(interrupted).toMatchObject({ stopped: 'interrupted', rounds: 1 });
    expect(await resumeAny({ directory: interrupted.directory })).toMatchObject({
      stopped: 'rounds',
      statisticsHash: (whole as { statisticsHash?: string }).statisticsHash,
    });
    await expect(new RunDirectory(whole.directory).settings()).rejects.toMatchObject({ code: 'run.counts' });
  });

  it('is shown as a table, and its papers speak of statistics and of no model', async () => {
    const directory = await folder();
    const path = join(directory, 'job.yaml');
    await writeFile(path, JSON.stringify(input));
    const { code, stdout } = await run(['simulate', path, '--seed', '5', '--out', directory], {
      terminal: true,
      engine: { simulate: simulateAny, resume: resumeAny },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/column +count +mean +deviation +50 %/);
    expect(stdout).toMatch(/pressure +\d+ ± \d+/);
    expect(stdout).not.toMatch(/accuracy|model/);
    const at = /files +(\S+)/.exec(stdout)?.[1] ?? '';
    const papers = await Promise.all(
      ['report.html', 'privacy.md', 'statistics.json', 'job.yaml'].map((name) =>
        readFile(join(at, name), 'utf8'),
      ),
    );
    const [report = '', statement = '', statistics = ''] = papers;
    expect(JSON.parse(statistics)).toMatchObject({
      format: 'tutti-statistics-v1',
      job: 'pressures',
      rounds: 2,
    });
    const words = report.replaceAll(/<(style|script)[^]*?<\/\1>/g, '');
    expect(words).toMatch(/What was found[^]*pressure/);
    expect(words).toMatch(/Against whoever sees the statistics/);
    expect(statement).toMatch(/counted columns of the data of 20 clients/);
    for (const text of [words, statement]) {
      expect(text).not.toMatch(
        /[Tt]rained a model|(the|released) models?\b(?! of trust)|update|accuracy of/i,
      );
    }
  });
});
