import { malformed, unreadable } from '../refusals.js';
import type { Source } from '../source.js';
import { versionOf } from './version.js';

/** Rows that are held at a time. */
const CHUNK = 4096;

/** A Parquet file, uncompressed or compressed with Snappy; of the columns that are not asked for, no byte is read. */
export function parquetSource(path: string): Source {
  const open = async () => {
    // A daemon that waits does without it.
    const library = await import('hyparquet');
    const file = await library.asyncBufferFromFile(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    const metadata = await library.parquetMetadataAsync(file).catch(() => {
      throw malformed(path, 'not a Parquet file', 'Write it again, or say what it is with data.format.');
    });
    return { file, metadata, library };
  };
  return {
    name: path,
    version: () => versionOf(path),
    async columns() {
      const { metadata, library } = await open();
      return library.parquetSchema(metadata).children.map(({ element }) => ({ name: element.name }));
    },
    async *rows(columns) {
      const { file, metadata, library } = await open();
      const total = Number(metadata.num_rows);
      for (let start = 0; start < total; start += CHUNK) {
        const rows = await library
          .parquetReadObjects({
            file,
            metadata,
            columns: [...columns],
            rowStart: start,
            rowEnd: Math.min(total, start + CHUNK),
          })
          .catch(() => {
            throw malformed(
              `${path}, rows ${start + 1} to ${Math.min(total, start + CHUNK)}`,
              'the file is damaged, or compressed in a way that is not known here',
              'Write it again, uncompressed or with Snappy.',
            );
          });
        for (const [index, row] of (rows as readonly Readonly<Record<string, unknown>>[]).entries()) {
          yield { place: `row ${start + index + 1}`, cells: columns.map((column) => row[column]) };
        }
      }
    },
  };
}
