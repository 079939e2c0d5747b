import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { Refusal } from '@tutti/shared/errors';
import type { Examples } from '../training/trainer.js';

/** One column that becomes a feature, or several. */
export type FeatureColumn =
  | { readonly name: string; readonly type: 'number' }
  /**
   * Becomes one feature a category, 1 for the category of the row and 0 elsewhere. The categories are given, not gathered
   * from the file: every client must make the same features of its own rows.
   */
  | { readonly name: string; readonly type: 'category'; readonly categories: readonly string[] };

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

/** Examples, and how many features one has. */
export interface Table extends Examples {
  readonly inputs: number;
}

/**
 * Reads a CSV file (RFC 4180, UTF-8, a header row first) as labelled examples. Every error names the file, the line and the column,
 * and none repeats what stands in a cell: that is private.
 *
 * @param path - of the file
 * @throws Refusal `data.unreadable`, `data.empty`, `data.header`, `data.ragged`, `data.missing`, `data.not-a-number`, `data.category`,
 * `data.label` or `data.malformed`
 */
export async function readCsv(path: string, options: CsvOptions): Promise<Table> {
  const rows = await readRows(path);
  const [header, ...body] = rows;
  if (header === undefined || body.length === 0) {
    throw new Refusal(
      'data.empty',
      `${path} ${header === undefined ? 'is empty' : 'has a header and no rows'}.`,
      'Give a file with a header row and at least one row of data.',
    );
  }
  const columns = resolveColumns(path, header.cells, options);
  const inputs = columns.features.reduce((sum, column) => sum + widthOf(column), 0);
  const features = new Float32Array(body.length * inputs);
  const labels = new Int32Array(body.length);
  const { offset = 0, scale = 1 } = options;
  body.forEach(({ cells, line }, row) => {
    if (cells.length !== header.cells.length) {
      throw new Refusal(
        'data.ragged',
        `${path}, line ${line}: ${cells.length} columns; the header has ${header.cells.length}.`,
        'Give every row as many cells as the header, and quote cells that hold a comma.',
      );
    }
    const cellOf = ({ name, index }: { readonly name: string; readonly index: number }): Cell => ({
      // The row has as many cells as the header.
      text: (cells[index] ?? '').trim(),
      place: `${path}, line ${line}, column “${name}”`,
    });
    let at = row * inputs;
    for (const column of columns.features) {
      const cell = cellOf(column);
      if (column.type === 'number') features[at] = (numberIn(cell) - offset) / scale;
      else features[at + categoryIn(cell, column.categories)] = 1;
      at += widthOf(column);
    }
    labels[row] = classIn(cellOf(columns.label), options.classes);
  });
  return { features, labels, count: body.length, inputs };
}

/**
 * One column of a CSV file as text, a cell a row: whose row it is, say.
 * @throws Refusal `data.unreadable`, `data.empty`, `data.header` or `data.malformed`
 */
export async function readColumn(path: string, name: string): Promise<readonly string[]> {
  const [header, ...body] = await readRows(path);
  const index = header?.cells.findIndex((cell) => cell.trim() === name) ?? -1;
  if (index >= 0) return body.map(({ cells }) => cells[index] ?? '');
  throw new Refusal(
    'data.header',
    `${path} has no column “${name}”.`,
    'Name a column of the header row, or add a header row.',
  );
}

/**
 * The names of a CSV file's columns.
 * @throws Refusal `data.unreadable`, `data.empty` or `data.malformed`
 */
export async function readHeader(path: string): Promise<readonly string[]> {
  const [header] = await readRows(path);
  if (header !== undefined) return header.cells.map((cell) => cell.trim());
  throw new Refusal('data.empty', `${path} is empty.`, 'Give a file with a header row.');
}

interface Row {
  readonly cells: readonly string[];
  /** Of the file, counted from 1. */
  readonly line: number;
}

async function readRows(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  const file = createReadStream(path);
  const parser = parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true });
  file.on('error', (error) => parser.destroy(error));
  try {
    for await (const parsed of file.pipe(parser)) {
      const { record, info } = parsed as { record: string[]; info: { lines: number } };
      rows.push({ cells: record, line: info.lines });
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw new Refusal(
        'data.malformed',
        `${path}, line ${String(error['lines'])}: not well-formed CSV (${error.code}).`,
        'Check the quotes on this line: a quote within a cell is doubled, and a quoted cell is closed.',
      );
    }
    throw new Refusal(
      'data.unreadable',
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
      'Check the path and its permissions.',
      { cause: error },
    );
  }
  return rows;
}

type ResolvedColumn = FeatureColumn & { readonly index: number };

function resolveColumns(
  path: string,
  header: readonly string[],
  options: CsvOptions,
): {
  readonly features: readonly ResolvedColumn[];
  readonly label: { readonly name: string; readonly index: number };
} {
  const names = header.map((name) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Refusal(
      'data.header',
      `${path}: two columns are named “${twice}”.`,
      'Give each column a name of its own.',
    );
  }
  const indexOf = (name: string): number => {
    const index = names.indexOf(name);
    if (index >= 0) return index;
    const shown = names.slice(0, 12).join(', ');
    throw new Refusal(
      'data.header',
      `${path} has no column “${name}”. Its columns are: ${shown}${names.length > 12 ? ', …' : ''}.`,
      'Name a column of the header row, or add a header row.',
    );
  };
  const label = { name: options.label, index: indexOf(options.label) };
  const wanted =
    options.features ??
    names.filter((name) => name !== options.label).map((name) => ({ name, type: 'number' as const }));
  return { features: wanted.map((column) => ({ ...column, index: indexOf(column.name) })), label };
}

function widthOf(column: FeatureColumn): number {
  return column.type === 'number' ? 1 : column.categories.length;
}

interface Cell {
  readonly text: string;
  /** File, line and column, for errors. */
  readonly place: string;
}

function present({ text, place }: Cell): void {
  if (text !== '') return;
  throw new Refusal('data.missing', `${place}: the cell is empty.`, 'Fill the cell, or leave the row out.');
}

/** A finite decimal number, as JSON or a spreadsheet writes it: no hexadecimal, no `NaN`, no `Infinity`. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function numberIn(cell: Cell): number {
  present(cell);
  const value = decimal.test(cell.text) ? Math.fround(Number(cell.text)) : NaN;
  if (Number.isFinite(value)) return value;
  throw new Refusal(
    'data.not-a-number',
    `${cell.place}: the cell does not hold a finite number.`,
    'Write numbers with a decimal point, such as 0.5 or 1e-3; declare a column of words as a category.',
  );
}

function categoryIn(cell: Cell, categories: readonly string[]): number {
  present(cell);
  const index = categories.indexOf(cell.text);
  if (index >= 0) return index;
  throw new Refusal(
    'data.category',
    `${cell.place}: the cell holds none of the ${categories.length} declared categories.`,
    'Correct the cell, or declare its category (for every client alike).',
  );
}

function classIn(cell: Cell, classes: number | readonly string[]): number {
  present(cell);
  const named = typeof classes !== 'number';
  const count = named ? classes.length : classes;
  const value = named ? classes.indexOf(cell.text) : decimal.test(cell.text) ? Number(cell.text) : NaN;
  if (Number.isInteger(value) && value >= 0 && value < count) return value;
  throw new Refusal(
    'data.label',
    `${cell.place}: the label is not ${named ? `one of the ${count} named classes` : `a whole number from 0 to ${count - 1}`}.`,
    'Correct the label, or the number of classes in the model.',
  );
}
