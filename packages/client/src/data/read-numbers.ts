import { numberOrMissing } from './cells.js';
import { requireColumns } from './columns.js';
import { keptRows, type ReadOptions } from './read-examples.js';
import type { Source } from './source.js';

/**
 * Reads columns of numbers, a row at a time, so that rows that are only counted are never held together.
 * @returns a number for each column, NaN where the cell is empty
 * @throws {Refusal} `policy.columns`, `data.header`, `data.not-a-number`, and what the source refuses
 */
export async function* readNumbers(
  source: Source,
  names: readonly string[],
  options: Omit<ReadOptions, 'atMost'> = {},
): AsyncGenerator<Float64Array> {
  requireColumns(source, await source.columns(), names, options);
  for await (const { place, cells } of keptRows(source, names, options)) {
    yield Float64Array.from(names, (name, index) =>
      numberOrMissing({ value: cells[index], place: `${source.name}, ${place}, column “${name}”` }),
    );
  }
}
