import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCsv } from '@tutti/client/data';
import { publicGenerator, shuffle, type Examples } from '@tutti/client/training';
import type { Job } from '@tutti/shared/protocol';
import { Refusal } from '@tutti/shared/errors';

/** Data sets that come with Tutti. Where they are from, and their licences: `packages/simulation/data/README.md`. */
const bundled: Readonly<Record<string, string>> = {
  digits: fileURLToPath(new URL('../../data/digits.csv', import.meta.url)),
};

/** The rows that clients hold, and the public rows on which the model is evaluated. */
export interface Dataset {
  readonly train: Examples;
  readonly heldOut: Examples;
}

export interface DatasetOptions {
  /** Paths in the job are relative to this. Default: the current directory. */
  readonly directory?: string;
  /** Features the model expects. */
  readonly inputs: number;
  /** Classes the model knows. */
  readonly classes: number;
  /** Public seed that decides which rows are held out. Default: 1. */
  readonly seed?: number;
}

/**
 * Reads the data of a job and holds a random part of its rows out.
 *
 * @throws Refusal what `readCsv` throws; `data.inputs` when the file has not as many features as the model expects;
 * `data.too-few` when the split leaves one side without rows
 */
export async function loadDataset(data: Job['data'], options: DatasetOptions): Promise<Dataset> {
  const path = bundled[data.source] ?? resolve(options.directory ?? '.', data.source);
  const table = await readCsv(path, {
    label: data.label,
    classes: data.classes ?? options.classes,
    ...(data.columns !== undefined && { features: data.columns }),
    scale: data.scale,
    offset: data.offset,
  });
  if (table.inputs !== options.inputs) {
    throw new Refusal(
      'data.inputs',
      `${path} has ${table.inputs} features beside the label; the model expects ${options.inputs}.`,
      `Set model.inputs to ${table.inputs}, or correct the file.`,
    );
  }
  const heldOutCount = Math.round(table.count * data.heldOut);
  if (heldOutCount === 0 || heldOutCount === table.count) {
    throw new Refusal(
      'data.too-few',
      `Holding out ${data.heldOut} of ${table.count} rows leaves ${heldOutCount} to evaluate and ${table.count - heldOutCount} to train on.`,
      'Give more rows, or change data.heldOut.',
    );
  }
  const rows = Int32Array.from({ length: table.count }, (_, row) => row);
  const order = shuffle(rows, publicGenerator(options.seed ?? 1));
  return {
    train: selectRows(table, options.inputs, order.slice(heldOutCount)),
    heldOut: selectRows(table, options.inputs, order.slice(0, heldOutCount)),
  };
}

/** The named rows of `examples`, in the order named: how a virtual client gets its own. */
export function selectRows(examples: Examples, inputs: number, rows: ArrayLike<number>): Examples {
  const features = new Float32Array(rows.length * inputs);
  const labels = new Int32Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? -1;
    const label = examples.labels[row];
    if (label === undefined) throw new RangeError(`There is no row ${row} among ${examples.count}.`);
    features.set(examples.features.subarray(row * inputs, (row + 1) * inputs), index * inputs);
    labels[index] = label;
  }
  return { features, labels, count: rows.length };
}
