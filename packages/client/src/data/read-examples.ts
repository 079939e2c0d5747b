import { Refusal, type TuttiError } from '@tutti/shared/errors';
import { columnWidth, type Column, type RowLayout } from '@tutti/shared/protocol';
import type { Examples } from '../training/trainer.js';
import { classIn, writeCell } from './cells.js';
import { isAllowed, requireColumns, type AllowedColumns } from './columns.js';
import { isHeldOut, tooFew, type Part } from './held-out.js';
import { isRowFault } from './row-faults.js';
import type { Source, SourceColumn, SourceRow } from './source.js';

/** What rows must look like, and how many features and classes the model takes. */
export interface ExpectedRows extends RowLayout {
  readonly classCount: number;
  /** Features of the model. Default: as many as the columns become. */
  readonly inputs?: number;
}

/** What the owner of the rows says. */
export interface ReadOptions {
  /** Columns that may be used, the label among them. Default: any. */
  readonly allowed?: readonly string[];
  /** Of more rows than these a uniformly random choice is kept, so that memory is bounded. Default: all rows. */
  readonly atMost?: { readonly rows: number; readonly uniform: () => number };
  /** Leaves rows out, as of people who withdrew. */
  readonly withdrawn?: {
    /** The column that says whose a row is. The owner's own: no job can ask for it. */
    readonly column: string;
    /** Indices, among these subjects, of rows to leave out. */
    readonly leaveOut: (subjects: readonly string[]) => Promise<readonly number[]>;
  };
  /** Reads one side of the rows only. Default: all rows. */
  readonly split?: {
    /** Of the rows, what is held out, about: each row is on its side by itself. */
    readonly fraction: number;
    /** The column that decides, whose rows stay together: the owner’s own. Default: all columns that are allowed. */
    readonly by?: string;
    readonly part: Part;
  };
  /**
   * Told of each row that does not fit, which is left out; then there may be no rows at all. Where each row is protected by itself, whether one fits must
   * change nothing but its own part. Default: a row that does not fit is an error.
   */
  readonly unfit?: (fault: TuttiError) => void;
}

/** Examples, and how many features one has. */
export interface Table extends Examples {
  readonly inputs: number;
}

/** Rows whose subjects are looked up together. */
const BATCH = 1024;

/**
 * Reads labelled examples from a source. Every error names the source, the row and the column, and none repeats what stands in a cell.
 *
 * @throws {Refusal} `data.header` where a column is missing, `policy.columns` where it is not allowed, `data.inputs` where columns and model do not fit,
 * `data.empty`, `data.held-out`, `data.missing`, `data.not-a-number`, `data.category`, `data.label`, `data.vector`, `data.image-size`, and what the source refuses
 */
export async function readExamples(
  source: Source,
  expected: ExpectedRows,
  options: ReadOptions = {},
): Promise<Table> {
  const columns = resolveColumns(source, await source.columns(), expected, options);
  const inputs = columns.reduce((sum, column) => sum + columnWidth(column), 0);
  if (expected.inputs !== undefined && expected.inputs !== inputs) {
    throw new Refusal(
      'data.inputs',
      `${source.name}: the columns become ${inputs} features; the model takes ${expected.inputs}.`,
      'Have the job declare its columns (data.columns), or give the columns that it wants and no others.',
    );
  }
  const rows = new Rows(inputs, options.atMost);
  const classes = expected.classes ?? expected.classCount;
  for await (const { place, cells } of keptRows(
    source,
    [...columns.map(({ name }) => name), expected.label],
    options,
  )) {
    const at = (name: string) => `${source.name}, ${place}, column “${name}”`;
    try {
      const features = new Float32Array(inputs);
      let offset = 0;
      for (const [index, column] of columns.entries()) {
        writeCell({ value: cells[index], place: at(column.name) }, column, expected, features, offset);
        offset += columnWidth(column);
      }
      rows.add(features, classIn({ value: cells[columns.length], place: at(expected.label) }, classes));
    } catch (error) {
      if (options.unfit === undefined || !isRowFault(error)) throw error;
      options.unfit(error);
    }
  }
  if (options.unfit !== undefined) return rows.table();
  if (rows.count === 0 && options.split !== undefined) throw tooFew(source.name, options.split.part);
  if (rows.count === 0) {
    throw new Refusal(
      'data.empty',
      `${source.name} has no rows${options.withdrawn === undefined ? '' : ' that may be used'}.`,
      'Give at least one row of data.',
    );
  }
  return rows.table();
}

/** The rows of a source that nobody has withdrawn, of the side that is asked for. @throws {Refusal} `data.header` where there is no column to split by */
export async function* keptRows(
  source: Source,
  names: readonly string[],
  options: ReadOptions,
): AsyncGenerator<SourceRow> {
  const { withdrawn, split } = options;
  const deciding = split === undefined ? [] : await decidingColumns(source, split.by, options);
  const besides = new Set([...(withdrawn === undefined ? [] : [withdrawn.column]), ...deciding]);
  // What is asked for comes first, so that a row begins with it.
  const read = [...names, ...[...besides].filter((name) => !names.includes(name))];
  const all = source.rows(read);
  const rows = withdrawn === undefined ? all : agreed(all, read.indexOf(withdrawn.column), withdrawn);
  if (split === undefined) {
    yield* rows;
    return;
  }
  const places = deciding.map((name) => read.indexOf(name));
  for await (const row of rows) {
    const decides = places.map((place) => row.cells[place]);
    if (isHeldOut(decides, split.fraction) === (split.part === 'held-out')) yield row;
  }
}

/** The columns that say on which side a row is. Sorted: a column that is moved moves no row. */
async function decidingColumns(
  source: Source,
  by: string | undefined,
  rules: AllowedColumns,
): Promise<readonly string[]> {
  const found = await source.columns();
  if (by === undefined) {
    return found
      .map(({ name }) => name)
      .filter((name) => isAllowed(name, rules))
      .sort();
  }
  requireColumns(source, found, [by], {});
  return [by];
}

/** Rows whose subjects agree. @param subject - the place of their cell */
async function* agreed(
  rows: AsyncIterable<SourceRow>,
  subject: number,
  { leaveOut }: NonNullable<ReadOptions['withdrawn']>,
): AsyncGenerator<SourceRow> {
  let batch: SourceRow[] = [];
  const flush = async (): Promise<readonly SourceRow[]> => {
    const out = new Set(await leaveOut(batch.map(({ cells }) => subjectIn(cells[subject]))));
    const left = batch.filter((_, index) => !out.has(index));
    batch = [];
    return left;
  };
  for await (const row of rows) {
    if (batch.push(row) === BATCH) yield* await flush();
  }
  yield* await flush();
}

function subjectIn(cell: unknown): string {
  return typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'bigint' ? String(cell) : '';
}

/** Features and labels, grown as rows come; with a bound, a reservoir of rows (Vitter 1985, Algorithm R). */
class Rows {
  count = 0;
  private seen = 0;
  private features: Float32Array;
  private labels: Int32Array;

  constructor(
    private readonly inputs: number,
    private readonly atMost: ReadOptions['atMost'],
  ) {
    this.features = new Float32Array(inputs * 64);
    this.labels = new Int32Array(64);
  }

  add(features: Float32Array, label: number): void {
    const { rows: most = Infinity, uniform = () => 0 } = this.atMost ?? {};
    const place = this.seen < most ? this.seen : Math.floor(uniform() * (this.seen + 1));
    this.seen++;
    if (place >= most) return;
    if (place === this.labels.length) this.grow();
    this.features.set(features, place * this.inputs);
    this.labels[place] = label;
    this.count = Math.max(this.count, place + 1);
  }

  table(): Table {
    const { count, inputs } = this;
    return {
      features: this.features.slice(0, count * inputs),
      labels: this.labels.slice(0, count),
      count,
      inputs,
    };
  }

  private grow(): void {
    const { features, labels } = this;
    this.features = new Float32Array(features.length * 2);
    this.features.set(features);
    this.labels = new Int32Array(labels.length * 2);
    this.labels.set(labels);
  }
}

/** The columns to read: those that the job declares, or every one but the label. */
function resolveColumns(
  source: Source,
  found: readonly SourceColumn[],
  { columns, label }: RowLayout,
  rules: AllowedColumns,
): readonly Column[] {
  const wanted =
    columns ??
    found
      .filter(({ name }) => name !== label && isAllowed(name, rules))
      .map(({ name, length }): Column =>
        length === undefined ? { name, type: 'number' } : { name, type: 'vector', length },
      );
  requireColumns(source, found, [...wanted.map(({ name }) => name), label], rules);
  return wanted;
}
