import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { Source } from './source.js';
import { csvSource } from './sources/csv.js';
import { imageSource } from './sources/images.js';
import { jsonlSource } from './sources/jsonl.js';
import { npySource } from './sources/npy.js';
import { postgresSource } from './sources/postgres.js';
import { sqliteSource } from './sources/sqlite.js';

export const FORMATS = ['csv', 'jsonl', 'parquet', 'npy', 'images', 'sqlite', 'postgresql'] as const;
export type Format = (typeof FORMATS)[number];

/** Where a client's rows are. */
export const sourceConfigSchema = z.strictObject({
  source: z
    .string()
    .min(1)
    .max(4096)
    .describe('A file, a folder of images, or postgresql://user@host/database.'),
  format: z.enum(FORMATS).optional().describe('What the source is. Default: by its ending.'),
  query: z.string().min(1).max(100_000).optional().describe('For sqlite and postgresql: a SELECT.'),
  labels: z.string().min(1).max(4096).optional().describe('For npy: the file with one label a row.'),
  connector: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('A JavaScript module of your own whose default export makes a Source of this configuration.'),
});

export type SourceConfig = z.output<typeof sourceConfigSchema>;

const endings: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
  '.npy': 'npy',
  '.db': 'sqlite',
  '.sqlite': 'sqlite',
  '.sqlite3': 'sqlite',
};

/**
 * Opens a source by what its configuration says.
 * @throws {Refusal} `data.format` where that cannot be known, `data.query`, `data.labels`, `data.connector`
 */
export async function openSource(config: SourceConfig): Promise<Source> {
  const { source: path, query, labels, connector } = config;
  if (connector !== undefined) return connectedBy(connector, config);
  const format = config.format ?? (await formatOf(path));
  switch (format) {
    case 'csv':
      return csvSource(path);
    case 'jsonl':
      return jsonlSource(path);
    case 'parquet': {
      const { parquetSource } = await import('./sources/parquet.js');
      return parquetSource(path);
    }
    case 'npy':
      return npySource(path, labels ?? missing('labels', 'the file with one label a row'));
    case 'images':
      return imageSource(path);
    case 'sqlite':
      return sqliteSource(path, query ?? missing('query', 'SELECT … FROM …'));
    case 'postgresql':
      return postgresSource(path, query ?? missing('query', 'SELECT … FROM …'));
  }
}

async function formatOf(path: string): Promise<Format> {
  if (/^postgres(ql)?:\/\//.test(path)) return 'postgresql';
  const known = endings[extname(path).toLowerCase()];
  if (known !== undefined) return known;
  if (
    await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    )
  )
    return 'images';
  throw new Refusal(
    'data.format',
    `${path}: its ending does not say what it is.`,
    `Set data.format to one of ${FORMATS.join(', ')}.`,
  );
}

async function connectedBy(path: string, config: SourceConfig): Promise<Source> {
  const wrong = (what: string, cause?: unknown) =>
    new Refusal(
      'data.connector',
      `${path}: ${what}.`,
      'Its default export is a function of the data’s configuration that returns a Source: see docs/clients.md.',
      { cause },
    );
  const loaded = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw wrong('the module cannot be loaded', error);
  })) as { default?: unknown };
  if (typeof loaded.default !== 'function') throw wrong('the module has no function as its default export');
  const source = (await (loaded.default as (config: SourceConfig) => unknown)(config)) as
    Partial<Source> | undefined;
  if (typeof source?.rows !== 'function' || typeof source.columns !== 'function') {
    throw wrong('what it returns is not a Source');
  }
  return source as Source;
}

function missing(field: string, example: string): never {
  throw new Refusal('data.configuration', `data.${field} is missing.`, `Set data.${field}: ${example}.`);
}
