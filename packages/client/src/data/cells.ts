import { Refusal } from '@tutti/shared/errors';
import type { Column } from '@tutti/shared/protocol';
import type { Picture } from './source.js';

/** A cell, and where it is: `rows.csv, line 7, column “age”`. What stands in it is in no message: that is private. */
export interface Cell {
  readonly value: unknown;
  readonly place: string;
}

/** Public constants that numbers are moved and divided by. */
export interface Scaling {
  readonly offset: number;
  readonly scale: number;
}

/** Writes the features of one cell at `at`. @throws {Refusal} `data.…` with the place of the cell */
export function writeCell(cell: Cell, column: Column, common: Scaling, into: Float32Array, at: number): void {
  switch (column.type) {
    case 'number': {
      const { offset = common.offset, scale = common.scale, missing } = column;
      const value = isMissing(cell.value) && missing !== undefined ? missing : numberIn(cell);
      into[at] = (value - offset) / scale;
      return;
    }
    case 'category': {
      if (isMissing(cell.value) && column.missing === 'none') return;
      into[at + categoryIn(cell, column.categories)] = 1;
      return;
    }
    case 'vector':
      vectorIn(cell, column.length).forEach((value, index) => {
        into[at + index] = (value - common.offset) / common.scale;
      });
      return;
    case 'image':
      writePicture(pictureIn(cell, column), column.channels, common, into, at);
  }
}

/** The class of a row. @param classes - how many there are, or their names */
export function classIn(cell: Cell, classes: number | readonly string[]): number {
  requirePresent(cell);
  const text = textOf(cell.value);
  const named = typeof classes !== 'number';
  const count = named ? classes.length : classes;
  const value = named ? classes.indexOf(text) : decimal.test(text) ? Number(text) : NaN;
  if (Number.isInteger(value) && value >= 0 && value < count) return value;
  throw new Refusal(
    'data.label',
    `${cell.place}: the label is not ${named ? `one of the ${count} named classes` : `a whole number from 0 to ${count - 1}`}.`,
    'Correct the label, or the number of classes in the model.',
  );
}

function isMissing(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    value === '' ||
    (typeof value === 'number' && Number.isNaN(value))
  );
}

function requirePresent({ value, place }: Cell): void {
  if (!isMissing(value)) return;
  throw new Refusal(
    'data.missing',
    `${place}: the cell is empty.`,
    'Fill the cell or leave the row out; or have the job say what stands for an empty cell.',
  );
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/** A finite decimal number, as JSON or a spreadsheet writes it: no hexadecimal, no `NaN`, no `Infinity`. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function numberIn(cell: Cell): number {
  // Sources with types of their own say NaN for nothing; a text that says it was written by somebody.
  if (typeof cell.value !== 'number') requirePresent(cell);
  const { value } = cell;
  const text = typeof value === 'boolean' ? String(Number(value)) : textOf(value);
  const number = decimal.test(text) ? Math.fround(Number(text)) : NaN;
  if (Number.isFinite(number)) return number;
  throw new Refusal(
    'data.not-a-number',
    `${cell.place}: the cell does not hold a finite number.`,
    'Write numbers with a decimal point, such as 0.5 or 1e-3; declare a column of words as a category.',
  );
}

/** The number of a cell, NaN where the cell is empty. @throws {Refusal} `data.not-a-number` with the place of the cell */
export function numberOrMissing(cell: Cell): number {
  return isMissing(cell.value) ? NaN : numberIn(cell);
}

function categoryIn(cell: Cell, categories: readonly string[]): number {
  requirePresent(cell);
  const index = categories.indexOf(textOf(cell.value));
  if (index >= 0) return index;
  throw new Refusal(
    'data.category',
    `${cell.place}: the cell holds none of the ${categories.length} declared categories.`,
    'Correct the cell, or declare its category (for every client alike).',
  );
}

function vectorIn(cell: Cell, length: number): ArrayLike<number> & { forEach: Float32Array['forEach'] } {
  requirePresent(cell);
  const { value } = cell;
  const isVector = Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
  const numbers = isVector ? Float32Array.from(value as ArrayLike<number>) : new Float32Array(0);
  if (numbers.length !== length) {
    throw new Refusal(
      'data.vector',
      `${cell.place}: the cell holds ${isVector ? numbers.length : 'no'} numbers; the job says ${length}.`,
      'Give every row as many numbers as the job says, or have the job say another length.',
    );
  }
  if (numbers.every(Number.isFinite)) return numbers;
  throw new Refusal(
    'data.not-a-number',
    `${cell.place}: a number of the cell is not finite.`,
    'Replace what is missing, or leave the row out.',
  );
}

function pictureIn(cell: Cell, { width, height }: Extract<Column, { type: 'image' }>): Picture {
  requirePresent(cell);
  const picture = cell.value as Partial<Picture>;
  if (picture.data === undefined || picture.width !== width || picture.height !== height) {
    const found =
      picture.data === undefined ? 'no image' : `an image of ${picture.width ?? 0} × ${picture.height ?? 0}`;
    throw new Refusal(
      'data.image-size',
      `${cell.place}: there is ${found}; the job says ${width} × ${height}.`,
      'Scale the images to the size that the job says; with ImageMagick: mogrify -resize.',
    );
  }
  return picture as Picture;
}

/** Rec. 601 luma, as every conversion to grey does it. */
const LUMA = [0.299, 0.587, 0.114] as const;

function writePicture(
  { data }: Picture,
  channels: 1 | 3,
  { offset, scale }: Scaling,
  into: Float32Array,
  at: number,
): void {
  const pixels = data.length / 4;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const colour = [0, 1, 2].map((channel) => data[pixel * 4 + channel] ?? 0);
    const values =
      channels === 3
        ? colour
        : [colour.reduce((sum, value, channel) => sum + value * (LUMA[channel] ?? 0), 0)];
    values.forEach((value, channel) => {
      into[at + pixel * channels + channel] = (value - offset) / scale;
    });
  }
}
