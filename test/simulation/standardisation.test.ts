import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jobSchema } from '@tutti/shared/protocol';
import { readData, RunDirectory, simulate } from '@tutti/simulation';
import { openSubject } from '../../packages/cli/src/explain/subject.js';
import { counted, statisticsOf } from '../support/statistics.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Rows whose numbers no learning rate copes with as they stand: pressures around 101 000, of which half is one class. */
const PRESSURES = Array.from({ length: 400 }, (_, row) => 101_000 + ((row * 37) % 200) - 100);
const found = statisticsOf([counted('pressure', 101_000, 57)]);

async function folder(): Promise<string> {
  const directory = await temporaryDirectory();
  const lines = PRESSURES.map((pressure) => `${pressure},${pressure > 101_000 ? 1 : 0}`);
  await writeFile(join(directory, 'rows.csv'), `pressure,label\n${lines.join('\n')}\n`);
  await writeFile(join(directory, 'statistics.json'), found.bytes);
  return directory;
}

const job = (source = 'statistics.json', statistics?: string) =>
  jobSchema.parse({
    name: 'pressures',
    data: { source: 'rows.csv', standardise: { source, ...(statistics !== undefined && { statistics }) } },
    model: { inputs: 1, classes: 2 },
    training: { learningRate: 1, backend: 'arrays' },
    rounds: 2,
    cohort: { samplingRate: 0.5, minimum: 5, maximum: 20, corruptFraction: 0 },
    privacy: { epsilon: 30, delta: 1e-3 },
    simulation: { clients: 20, dropout: 0 },
  });

describe('a simulation of a job that standardises', () => {
  it('trains on, and is evaluated on, rows that are moved and divided as the statistics say; its folder has them', async () => {
    const directory = await folder();
    const options = {
      job: job(),
      seed: 3,
      transport: 'memory',
      out: directory,
      jobDirectory: directory,
    } as const;
    const summary = await simulate(options);
    expect(summary.accuracy).toBeGreaterThan(0.9);
    const { heldOut, byClient } = await readData(await new RunDirectory(summary.directory).settings());
    const features = [heldOut, ...byClient].flatMap((rows) => [...rows.features]);
    expect(features.sort((a, b) => a - b)).toEqual(
      PRESSURES.map((pressure) => Math.fround((pressure - 101_000) / 57)).sort((a, b) => a - b),
    );
    expect(await readFile(join(summary.directory, 'statistics.json'))).toEqual(Buffer.from(found.bytes));
    expect(await readFile(join(summary.directory, 'job.yaml'), 'utf8')).toMatch(
      new RegExp(`statistics: ${found.hash}`),
    );
  });

  it('explains anybody’s rows as it was trained on them, whatever the flags say', async () => {
    const directory = await folder();
    const options = { job: job(), transport: 'memory', out: directory, jobDirectory: directory } as const;
    const { directory: at } = await simulate(options);
    await writeFile(join(directory, 'own.csv'), 'label,pressure\n1,101057\n0,100943\n');
    const data = join(directory, 'own.csv');
    const subject = await openSubject(at, { data, label: 'label', offset: 7, scale: 7 });
    expect(subject.names).toEqual(['pressure']);
    expect(subject.rows.map((row) => [...row])).toEqual([[1], [-1]]);
    expect((await openSubject(at, { label: 'label', offset: 7, scale: 7 })).names).toEqual(['pressure']);
  });

  it.each([
    ['are not there', job('elsewhere.json'), 'job.standardise'],
    ['are no statistics', job('rows.csv'), 'statistics.malformed'],
    ['are those of another job than it names', job('statistics.json', 'another'), 'job.standardise'],
    ['have another hash than it names', job('statistics.json', '0'.repeat(64)), 'job.standardise'],
  ])('is refused before anything is written where they %s', async (_what, wrong, code) => {
    const directory = await folder();
    const options = { job: wrong, transport: 'memory', out: directory, jobDirectory: directory } as const;
    await expect(simulate(options)).rejects.toMatchObject({ code });
    await expect(readFile(join(directory, 'runs'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes statistics that are named by the job that made them', async () => {
    const directory = await folder();
    const named = job('statistics.json', 'counting');
    const options = { job: named, transport: 'memory', out: directory, jobDirectory: directory } as const;
    expect((await simulate(options)).stopped).toBe('rounds');
  });
});
