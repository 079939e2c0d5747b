import { open, type FileHandle } from 'node:fs/promises';
import { endianness } from 'node:os';
import { Refusal } from '@tutti/shared/errors';
import { malformed, unreadable } from '../refusals.js';
import type { Source } from '../source.js';
import { versionOf } from './version.js';

/** Names of the two columns of a source of arrays: jobs that train on arrays declare a `vector` or an `image` of this name. */
export const NPY_COLUMNS = { features: 'features', label: 'label' } as const;

/** Bytes that are held at a time. */
const CHUNK = 2 ** 20;

const arrays = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|i1': Int8Array,
  '|u1': Uint8Array,
  '|b1': Uint8Array,
  '<i2': Int16Array,
  '<u2': Uint16Array,
  '<i4': Int32Array,
  '<u4': Uint32Array,
  '<i8': BigInt64Array,
} as const;

interface Layout {
  readonly type: keyof typeof arrays;
  readonly rows: number;
  /** Numbers in a row. */
  readonly width: number;
  /** Bytes before the first number. */
  readonly offset: number;
}

/**
 * Two arrays in the format of NumPy (NEP 1): features, of which the first dimension counts the rows, and one label a row. Little-endian, in C order.
 */
export function npySource(path: string, labels: string): Source {
  return {
    name: path,
    version: async () => `${(await versionOf(path)) ?? ''} ${(await versionOf(labels)) ?? ''}`,
    columns: () =>
      withFile(path, async (file) => {
        const { width } = await layoutOf(path, file);
        return [{ name: NPY_COLUMNS.features, length: width }, { name: NPY_COLUMNS.label }];
      }),
    async *rows(columns) {
      const sides = await Promise.all([vectors(path), vectors(labels)]);
      const [features, classes] = sides;
      try {
        if (features.layout.rows !== classes.layout.rows || classes.layout.width !== 1) {
          throw new Refusal(
            'data.ragged',
            `${path} has ${features.layout.rows} rows; ${labels} has ${classes.layout.rows} of ${classes.layout.width} numbers.`,
            'Give one label for each row of the features.',
          );
        }
        for (let row = 1; row <= features.layout.rows; row++) {
          const vector = (await features.next()) ?? [];
          const [label] = (await classes.next()) ?? [];
          const cells = columns.map((column) => (column === NPY_COLUMNS.features ? vector : label));
          yield { place: `row ${row}`, cells };
        }
      } finally {
        await Promise.all(sides.map((side) => side.close()));
      }
    },
  };
}

async function vectors(path: string) {
  const file = await opened(path);
  const layout = await layoutOf(path, file);
  const Numbers = arrays[layout.type];
  const rowBytes = layout.width * Numbers.BYTES_PER_ELEMENT;
  const perChunk = Math.max(1, Math.floor(CHUNK / Math.max(1, rowBytes)));
  let chunk: ArrayLike<number | bigint> = [];
  let row = 0;
  return {
    layout,
    close: () => file.close(),
    async next(): Promise<number[] | undefined> {
      if (row >= layout.rows) return undefined;
      if (row % perChunk === 0) {
        const bytes = new Uint8Array(Math.min(perChunk, layout.rows - row) * rowBytes);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, layout.offset + row * rowBytes);
        if (bytesRead < bytes.length)
          throw damaged(path, `it ends in row ${row + Math.floor(bytesRead / rowBytes) + 1}`);
        chunk = new Numbers(bytes.buffer);
      }
      const at = (row % perChunk) * layout.width;
      row++;
      return Array.from({ length: layout.width }, (_, index) => Number(chunk[at + index]));
    },
  };
}

async function layoutOf(path: string, file: FileHandle): Promise<Layout> {
  const start = new Uint8Array(12);
  await file.read(start, 0, 12, 0);
  const view = new DataView(start.buffer);
  if (String.fromCharCode(...start.subarray(0, 6)) !== '\x93NUMPY')
    throw damaged(path, 'it is not a file of NumPy');
  const long = (start[6] ?? 1) >= 2;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const offset = (long ? 12 : 10) + length;
  const header = new Uint8Array(Math.min(length, 65_536));
  await file.read(header, 0, header.length, long ? 12 : 10);
  const text = new TextDecoder('latin1').decode(header);
  const type = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/
    .exec(text)?.[1]
    ?.split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (type === undefined || !(type in arrays) || endianness() !== 'LE') {
    throw damaged(
      path,
      `its numbers are of type ${type ?? 'unknown'}; ${Object.keys(arrays).join(', ')} are known`,
    );
  }
  if (/'fortran_order':\s*True/.test(text)) throw damaged(path, 'it is in Fortran order');
  const [rows, ...rest] = shape ?? [];
  if (rows === undefined || [rows, ...rest].some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw damaged(path, 'its shape makes no sense');
  }
  return {
    type: type as keyof typeof arrays,
    rows,
    width: rest.reduce((product, size) => product * size, 1),
    offset,
  };
}

async function opened(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

async function withFile<T>(path: string, action: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await opened(path);
  try {
    return await action(file);
  } finally {
    await file.close();
  }
}

function damaged(path: string, what: string): Refusal {
  return malformed(path, what, 'Save it with numpy.save as float32, in C order, one row an example.');
}
