import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Refusal } from '@tutti/shared/errors';
import { malformed, unreadable } from '../refusals.js';
import type { Source } from '../source.js';
import { versionOf } from './version.js';

/** A file with a JSON object on each line. Its columns are the fields of the first one; a field that is left out is a missing cell. */
export function jsonlSource(path: string): Source {
  return {
    name: path,
    version: () => versionOf(path),
    async columns() {
      for await (const { fields } of objects(path)) return Object.keys(fields).map((name) => ({ name }));
      throw new Refusal('data.empty', `${path} is empty.`, 'Give a file with at least one row.');
    },
    async *rows(columns) {
      for await (const { fields, line } of objects(path)) {
        const cells = columns.map((column) => (Object.hasOwn(fields, column) ? fields[column] : undefined));
        yield { place: `line ${line}`, cells };
      }
    },
  };
}

async function* objects(path: string): AsyncGenerator<{ fields: Record<string, unknown>; line: number }> {
  const file = createReadStream(path, 'utf8');
  let failed: Error | undefined;
  const lines = createInterface({ input: file, crlfDelay: Infinity });
  file.on('error', (error) => {
    failed = error;
    lines.close();
  });
  let line = 0;
  try {
    for await (const text of lines) {
      line++;
      const written = line === 1 ? text.replace(/^\ufeff/, '') : text;
      if (written.trim() === '') continue;
      yield { fields: objectIn(written, `${path}, line ${line}`), line };
    }
  } finally {
    lines.close();
    file.destroy();
  }
  if (failed !== undefined) throw unreadable(path, failed);
}

function objectIn(text: string, place: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw malformed(place, 'not a JSON object', 'Write one object a line, such as {"age": 61, "label": 1}.');
}
