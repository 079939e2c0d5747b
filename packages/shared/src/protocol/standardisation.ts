import { Refusal } from '../errors.js';
import { canonicalJson } from '../privacy/index.js';
import type { Job } from './job.js';
import type { Column, JobData } from './job-data.js';
import type { StatisticsFile } from './statistics-file.js';

type Counted = StatisticsFile['columns'][number];
type NumberColumn = Extract<Column, { type: 'number' }>;

/**
 * A job whose columns of numbers have the offset and scale that statistics give them: the mean that they found, and the deviation, or its standard
 * error where that is larger. Where the job declares no columns, those of the statistics are its features, in their order.
 *
 * @param hash - SHA-256 of the statistics, hex: what pins them from here on
 * @throws {Refusal} `job.standardise` where statistics and columns do not fit
 */
export function standardisedBy(job: Job, statistics: StatisticsFile, hash: string): Job {
  const { standardise, ...data } = job.data;
  const columns = standardised(
    data.columns ?? statistics.columns.map(({ name }): Column => ({ name, type: 'number' })),
    statistics,
  );
  return { ...job, data: { ...data, columns, standardise: { ...standardise, statistics: hash } } };
}

/**
 * Checks that a job standardises as the statistics say that it names. Whoever announces a job may state any offset and scale: where it says that they were found, anybody can look.
 * @throws {Refusal} `job.standardise`
 */
export function requireStandardised({ columns = [] }: JobData, statistics: StatisticsFile): void {
  if (canonicalJson(standardised(columns, statistics)) === canonicalJson(columns)) return;
  throw unfit(
    'The job’s columns have not the offsets and scales that the statistics give them which it names.',
    'Take no part, and tell the coordinator’s operator.',
  );
}

function standardised(columns: readonly Column[], statistics: StatisticsFile): Column[] {
  const counted = new Map(statistics.columns.map((column) => [column.name, column]));
  if (!columns.some((column) => column.type === 'number' && counted.has(column.name))) {
    throw unfit(
      'The statistics have counted none of the job’s columns of numbers.',
      'Name the statistics of these columns in data.standardise, or leave it out.',
    );
  }
  return columns.map((column) => {
    if (column.type !== 'number') return column;
    const found = counted.get(column.name);
    return found === undefined ? withItsOwn(column) : standardisedColumn(column, found);
  });
}

function standardisedColumn(column: NumberColumn, { mean, deviation }: Counted): NumberColumn {
  if (mean === null || deviation === null) {
    throw unfit(
      `The statistics found too few values of the column “${column.name}” to tell their mean.`,
      'Count it again at a larger ε, with more clients or narrower bounds; or leave it out of the statistics and state its offset and scale.',
    );
  }
  const offset = mean.value;
  const scale = Math.max(deviation.value, deviation.noise);
  if ((column.offset ?? offset) !== offset || (column.scale ?? scale) !== scale) {
    throw unfit(
      `The column “${column.name}” has an offset or a scale of its own, and others by the statistics.`,
      'Leave offset and scale out where a column is to be standardised.',
    );
  }
  return { ...column, offset, scale };
}

function withItsOwn(column: NumberColumn): NumberColumn {
  if (column.offset !== undefined && column.scale !== undefined) return column;
  throw unfit(
    `The statistics have not counted the column “${column.name}”.`,
    'Count it too, or state its offset and scale.',
  );
}

function unfit(finding: string, remedy: string): Refusal {
  return new Refusal('job.standardise', finding, remedy);
}
