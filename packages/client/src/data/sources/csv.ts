import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { Refusal } from '@tutti/shared/errors';
import { malformed, unreadable } from '../refusals.js';
import type { Source, SourceRow } from '../source.js';
import { versionOf } from './version.js';

/** A CSV file: RFC 4180, UTF-8, a header row first. */
export function csvSource(path: string): Source {
  return {
    name: path,
    version: () => versionOf(path),
    async columns() {
      for await (const { cells } of records(path)) return namesOf(path, cells).map((name) => ({ name }));
      throw new Refusal(
        'data.empty',
        `${path} is empty.`,
        'Give a file with a header row and at least one row of data.',
      );
    },
    async *rows(columns): AsyncGenerator<SourceRow> {
      let indices: readonly number[] | undefined;
      let width = 0;
      for await (const { cells, line } of records(path)) {
        if (indices === undefined) {
          const names = namesOf(path, cells);
          indices = columns.map((column) => names.indexOf(column));
          width = names.length;
          continue;
        }
        if (cells.length !== width) {
          throw new Refusal(
            'data.ragged',
            `${path}, line ${line}: ${cells.length} columns; the header has ${width}.`,
            'Give every row as many cells as the header, and quote cells that hold a comma.',
          );
        }
        yield { place: `line ${line}`, cells: indices.map((index) => cells[index]?.trim()) };
      }
    },
  };
}

function namesOf(path: string, header: readonly string[]): readonly string[] {
  const names = header.map((name) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new Refusal(
    'data.header',
    `${path}: two columns are named “${twice}”.`,
    'Give each column a name of its own.',
  );
}

async function* records(path: string): AsyncGenerator<{ cells: readonly string[]; line: number }> {
  const file = createReadStream(path);
  const parser = parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true });
  file.on('error', (error) => parser.destroy(error));
  try {
    for await (const parsed of file.pipe(parser)) {
      const { record, info } = parsed as { record: string[]; info: { lines: number } };
      yield { cells: record, line: info.lines };
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw malformed(
        `${path}, line ${String(error['lines'])}`,
        `not well-formed CSV (${error.code})`,
        'Check the quotes on this line: a quote within a cell is doubled, and a quoted cell is closed.',
      );
    }
    if (error instanceof Refusal) throw error;
    throw unreadable(path, error);
  } finally {
    file.destroy();
  }
}
