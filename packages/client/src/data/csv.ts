import { Refusal } from '@tutti/shared/errors';
import type { Column } from '@tutti/shared/protocol';
import { readExamples, type Table } from './read-examples.js';
import { csvSource } from './sources/csv.js';

/** One column that becomes a feature, or several. */
export type FeatureColumn = Column;

export interface CsvOptions {
  /** The column that holds the class. */
  readonly label: string;
  /** The number of classes, when labels are 0 to `classes - 1`; or their names, the first being class 0. */
  readonly classes: number | readonly string[];
  /** The columns that become features, in this order. Default: every column but the label, as numbers, in the order of the file. */
  readonly features?: readonly FeatureColumn[];
  /** Numbers become `(number - offset) / scale`. Defaults: 0 and 1. Both are public, the same for every client. */
  readonly offset?: number;
  readonly scale?: number;
}

/**
 * Reads a CSV file (RFC 4180, UTF-8, a header row first) as labelled examples.
 * @throws {Refusal} what {@link readExamples} refuses
 */
export function readCsv(
  path: string,
  { label, classes, features, offset = 0, scale = 1 }: CsvOptions,
): Promise<Table> {
  return readExamples(csvSource(path), {
    label,
    offset,
    scale,
    classCount: typeof classes === 'number' ? classes : classes.length,
    ...(typeof classes !== 'number' && { classes: [...classes] }),
    ...(features !== undefined && { columns: [...features] }),
  });
}

/**
 * One column of a CSV file as text, a cell a row: whose row it is, say.
 * @throws {Refusal} `data.unreadable`, `data.empty`, `data.header`, `data.ragged` or `data.malformed`
 */
export async function readColumn(path: string, name: string): Promise<readonly string[]> {
  if (!(await readHeader(path)).includes(name)) {
    throw new Refusal(
      'data.header',
      `${path} has no column “${name}”.`,
      'Name a column of the header row, or add a header row.',
    );
  }
  const column: string[] = [];
  for await (const { cells } of csvSource(path).rows([name])) column.push(String(cells[0]));
  return column;
}

/**
 * The names of a CSV file's columns.
 * @throws {Refusal} `data.unreadable`, `data.empty` or `data.malformed`
 */
export async function readHeader(path: string): Promise<readonly string[]> {
  return (await csvSource(path).columns()).map(({ name }) => name);
}
