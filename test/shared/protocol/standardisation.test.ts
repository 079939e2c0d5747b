import { describe, expect, it } from 'vitest';
import {
  announceJob,
  encodeAnnouncedJob,
  jobSchema,
  requireStandardised,
  standardisedBy,
  type JobInput,
} from '@tutti/shared/protocol';
import { counted, statisticsOf } from '../../support/statistics.js';

const found = statisticsOf([counted('age', 61.5, 12.25), counted('height', 1.7, 0.02)]);
const { statistics, hash } = found;
const standardise = { statistics: 'counting' };
const job = (data: JobInput['data'], inputs = 2) =>
  jobSchema.parse({ name: 'trains', data: { standardise, ...data }, model: { inputs, classes: 2 } });
const columnsOf = (data: JobInput['data']) => standardisedBy(job(data), statistics, hash).data.columns;
const refused = (finding: RegExp): unknown =>
  expect.objectContaining({ code: 'job.standardise', message: expect.stringMatching(finding) as string });

describe('a job that names statistics', () => {
  it('moves and divides its columns by what they found, and no column by less than its noise', () => {
    expect(
      columnsOf({
        columns: [
          { name: 'height', type: 'number', missing: 1.6 },
          { name: 'sex', type: 'category', categories: ['f', 'm'] },
          { name: 'ratio', type: 'number', offset: 0.5, scale: 0.25 },
        ],
      }),
    ).toEqual([
      { name: 'height', type: 'number', missing: 1.6, offset: 1.7, scale: 0.1 },
      { name: 'sex', type: 'category', categories: ['f', 'm'] },
      { name: 'ratio', type: 'number', offset: 0.5, scale: 0.25 },
    ]);
  });

  it('has their columns where it declares none', () => {
    expect(columnsOf({})).toEqual([
      { name: 'age', type: 'number', offset: 61.5, scale: 12.25 },
      { name: 'height', type: 'number', offset: 1.7, scale: 0.1 },
    ]);
  });

  it('stays what it is when it is standardised again', () => {
    const once = standardisedBy(job({}), statistics, hash);
    expect(standardisedBy(once, statistics, hash)).toEqual(once);
  });

  it('is announced with their hash, and by other statistics is another job', () => {
    const announce = (by: ReturnType<typeof statisticsOf>) =>
      announceJob(
        standardisedBy(job({ standardise: { ...standardise, source: 'here.json' } }), by.statistics, by.hash),
        500,
      );
    expect(announce(found).data.standardise).toEqual({
      statistics: hash,
    });
    // The figures that are used are the same, and yet it can be told which statistics they are from.
    const others = statisticsOf(statistics.columns, 'another');
    const bytes = [statisticsOf(statistics.columns), others].map((by) => encodeAnnouncedJob(announce(by)));
    expect(bytes[0]).not.toEqual(bytes[1]);
  });

  it('is not announced while nobody has looked them up', () => {
    expect(() => announceJob(job({}), 500)).toThrow(refused(/not at hand/));
    expect(() => announceJob(job({ standardise: { source: 'statistics.json' } }), 500)).toThrow(
      refused(/not at hand/),
    );
  });

  it.each<[string, JobInput['data'], RegExp]>([
    [
      'has not one column that they counted',
      { columns: [{ name: 'x', type: 'number' }] },
      /none of the job’s/,
    ],
    [
      'has a column that they did not count and that has no constants of its own',
      {
        columns: [
          { name: 'age', type: 'number' },
          { name: 'x', type: 'number', offset: 1 },
        ],
      },
      /not counted the column “x”/,
    ],
    [
      'states another offset itself',
      { columns: [{ name: 'age', type: 'number', offset: 60 }] },
      /“age” has an offset or a scale of its own/,
    ],
  ])('is refused where it %s', (_what, data, finding) => {
    expect(() => columnsOf(data)).toThrow(refused(finding));
  });

  it('is refused where a column was counted too seldom to have a mean', () => {
    const few = statisticsOf([counted('age', 0, 0, { mean: null, deviation: null })]);
    expect(() => standardisedBy(job({}), few.statistics, few.hash)).toThrow(
      refused(/too few values of the column “age”/),
    );
  });
});

describe('whoever is told that a job standardises', () => {
  it('can tell whether it does as the statistics say', () => {
    const { data } = announceJob(standardisedBy(job({}), statistics, hash), 500);
    expect(() => requireStandardised(data, statistics)).not.toThrow();
    const [age, height] = data.columns ?? [];
    const lies = [[{ ...age, offset: 61.4 }, height], [{ ...age, scale: 1e-9 }, height], [height]].map(
      (columns) => ({ ...data, columns: columns as typeof data.columns }),
    );
    // Fewer columns than were counted is no lie: what is there is as they say.
    expect(lies.map((told) => codeOf(() => requireStandardised(told, statistics)))).toEqual([
      'job.standardise',
      'job.standardise',
      undefined,
    ]);
    const withoutColumns = { ...data };
    delete withoutColumns.columns;
    expect(codeOf(() => requireStandardised(withoutColumns, statistics))).toBe('job.standardise');
  });
});

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}
