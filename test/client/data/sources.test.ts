import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import jpeg from 'jpeg-js';
import Database from 'libsql';
import pg from 'pg';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import {
  openSource,
  readExamples,
  type ExpectedRows,
  type ReadOptions,
  type Source,
  type SourceConfig,
} from '@tutti/client/data';
import { describeWithPostgres } from '../../support/postgres.js';
import { temporaryDirectory } from '../../support/temporary.js';

const expected: ExpectedRows = { label: 'label', offset: 0, scale: 1, classCount: 2 };

async function read(config: SourceConfig, more: Partial<ExpectedRows> = {}, options?: ReadOptions) {
  return readExamples(await openSource(config), { ...expected, ...more }, options);
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryDirectory(), name);
  await writeFile(path, content);
  return path;
}

/** A file as numpy.save writes it. */
function npy(type: string, shape: string, bytes: Uint8Array): Uint8Array {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + '\n';
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(header), bytes]);
}

function picture(width: number, height: number, of: (pixel: number) => readonly [number, number, number]) {
  const data = Buffer.alloc(width * height * 4, 255);
  for (let pixel = 0; pixel < width * height; pixel++) data.set(of(pixel), pixel * 4);
  return { width, height, data };
}

function png(...given: Parameters<typeof picture>): Buffer {
  const { width, height, data } = picture(...given);
  const image = new PNG({ width, height });
  data.copy(image.data);
  return PNG.sync.write(image);
}

const rows = { a: [1, 3, 5], b: [2, 4, 6], label: [0, 1, 0] };
const asRead = {
  features: Float32Array.of(1, 2, 3, 4, 5, 6),
  labels: Int32Array.of(0, 1, 0),
  count: 3,
  inputs: 2,
};

describe('a source of rows', () => {
  it('may be lines of JSON', async () => {
    const lines = '{"a":1,"b":2,"label":0}\n\n{"label":1,"b":4,"a":3}\n{"a":5,"b":6,"label":0,"note":"x"}\n';
    expect(await read({ source: await fileOf('rows.jsonl', lines) })).toEqual(asRead);
  });

  it('may be a Parquet file', async () => {
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: 'a', data: rows.a, type: 'DOUBLE' },
        { name: 'b', data: rows.b, type: 'INT32' },
        { name: 'label', data: rows.label.map(BigInt), type: 'INT64' },
      ],
    });
    expect(await read({ source: await fileOf('rows.parquet', new Uint8Array(buffer)) })).toEqual(asRead);
  });

  it('may be a query on SQLite', async () => {
    const path = join(await temporaryDirectory(), 'rows.db');
    const database = new Database(path);
    database.exec('CREATE TABLE patients (a, b, label, name)');
    database.exec("INSERT INTO patients VALUES (1, 2, 0, 'x'), (3, 4, 1, 'y'), (5, 6, 0, 'z')");
    database.close();
    expect(await read({ source: path, query: 'SELECT a, b, label FROM patients;' })).toEqual(asRead);
    await expect(read({ source: path, query: 'DROP TABLE patients' })).rejects.toMatchObject({
      code: 'data.malformed',
    });
    await expect(read({ source: path })).rejects.toMatchObject({ code: 'data.configuration' });
  });

  it('may be arrays of NumPy', async () => {
    const features = await fileOf('x.npy', npy('<f4', '3, 2', new Uint8Array(asRead.features.buffer)));
    const labels = await fileOf('y.npy', npy('|u1', '3,', Uint8Array.of(0, 1, 0)));
    expect(await read({ source: features, labels })).toEqual(asRead);
    const columns = [{ name: 'features', type: 'vector' as const, length: 3 }];
    await expect(read({ source: features, labels }, { columns })).rejects.toMatchObject({
      code: 'data.vector',
      message: expect.stringContaining(
        'row 1, column “features”: the cell holds 2 numbers; the job says 3',
      ) as string,
    });
  });

  it('may be a folder of images, one folder a class', async () => {
    const folder = await temporaryDirectory();
    await mkdir(join(folder, 'cat'));
    await mkdir(join(folder, 'dog'));
    await writeFile(
      join(folder, 'cat', '1.png'),
      png(2, 1, (pixel) => [pixel * 255, 0, 255]),
    );
    await writeFile(
      join(folder, 'dog', '1.jpg'),
      jpeg.encode(
        picture(2, 1, () => [255, 255, 255]),
        100,
      ).data,
    );
    await writeFile(join(folder, 'dog', 'notes.txt'), 'no image');
    const image = { name: 'image', type: 'image', width: 2, height: 1 } as const;
    const classes = ['cat', 'dog'];
    const colour = await read(
      { source: folder },
      { scale: 255, classes, columns: [{ ...image, channels: 3 }] },
    );
    expect([...colour.features].map((value) => Math.round(value * 10) / 10)).toEqual([
      0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1,
    ]);
    expect([...colour.labels]).toEqual([0, 1]);
    const grey = await read(
      { source: folder },
      { scale: 255, classes, columns: [{ ...image, channels: 1 }] },
    );
    expect(grey.features[0]).toBeCloseTo(0.114, 5);
    expect(grey.features[1]).toBeCloseTo(0.413, 5);
  });

  it('may be a connector of one’s own', async () => {
    const connector = await fileOf(
      'mine.mjs',
      `export default ({ source }) => ({
        name: source,
        columns: async () => [{ name: 'a' }, { name: 'label' }],
        async *rows(columns) {
          yield { place: 'first', cells: columns.map((column) => ({ a: 7, label: 1 })[column]) };
        },
      });`,
    );
    expect(await read({ source: 'mine', connector })).toMatchObject({
      features: Float32Array.of(7),
      count: 1,
    });
    await expect(read({ source: 'mine', connector: await fileOf('empty.mjs', '') })).rejects.toMatchObject({
      code: 'data.connector',
    });
  });

  it('is not asked for columns that are not allowed', async () => {
    const asked: string[] = [];
    const source: Source = {
      name: 'watched',
      columns: () => Promise.resolve([{ name: 'a' }, { name: 'secret' }, { name: 'label' }]),
      async *rows(columns) {
        asked.push(...columns);
        yield await Promise.resolve({ place: 'row 1', cells: columns.map(() => 1) });
      },
    };
    await readExamples(source, expected, { allowed: ['a', 'label'] });
    expect(asked).toEqual(['a', 'label']);
    const columns = [{ name: 'secret', type: 'number' as const }];
    await expect(
      readExamples(source, { ...expected, columns }, { allowed: ['a', 'label'] }),
    ).rejects.toMatchObject({
      code: 'policy.columns',
    });
    expect(asked).toEqual(['a', 'label']);
  });

  it('may be larger than memory: a random choice of its rows is kept, each as likely as any other', async () => {
    const many: Source = {
      name: 'many',
      columns: () => Promise.resolve([{ name: 'a' }, { name: 'label' }]),
      async *rows() {
        for (let row = 0; row < 100; row++)
          yield await Promise.resolve({ place: `row ${row}`, cells: [row, 0] });
      },
    };
    let state = 1;
    const uniform = () => (state = (state * 48271) % 0x7fff_ffff) / 0x7fff_ffff;
    const kept = new Float64Array(100);
    for (let draw = 0; draw < 400; draw++) {
      const { features, count } = await readExamples(many, expected, { atMost: { rows: 10, uniform } });
      expect(count).toBe(10);
      expect(new Set(features).size).toBe(10);
      for (const row of features) kept[row]!++;
    }
    // Binomial(400, 0.1): mean 40, deviation 6.
    expect(Math.min(...kept)).toBeGreaterThan(40 - 6 * 5);
    expect(Math.max(...kept)).toBeLessThan(40 + 6 * 5);
  });

  it('leaves out rows of people who withdrew, and shows no job the column that says whose they are', async () => {
    const source = await openSource({
      source: await fileOf('rows.csv', 'who,a,label\nann,1,0\nbob,2,1\n,3,1\nann,4,0\n'),
    });
    const leaveOut = (subjects: readonly string[]) =>
      Promise.resolve(subjects.flatMap((who, row) => (who === 'ann' ? [] : [row])));
    const withdrawn = { column: 'who', leaveOut };
    expect(await readExamples(source, expected, { withdrawn })).toMatchObject({
      features: Float32Array.of(1, 4),
      count: 2,
    });
    const columns = [{ name: 'who', type: 'category' as const, categories: ['ann', 'bob'] }];
    await expect(readExamples(source, { ...expected, columns }, { withdrawn })).rejects.toMatchObject({
      code: 'policy.columns',
    });
  });

  it('may have empty cells where the job says what stands for them', async () => {
    const source = await fileOf('rows.csv', 'age,sex,label\n,f,0\n50,,1\n');
    const columns: ExpectedRows['columns'] = [
      { name: 'age', type: 'number', missing: 40, offset: 40, scale: 10 },
      { name: 'sex', type: 'category', categories: ['f', 'm'], missing: 'none' },
    ];
    expect((await read({ source }, { columns })).features).toEqual(Float32Array.of(0, 1, 0, 1, 0, 0));
  });
});

describe('wrong data', () => {
  it.each<[string, string, string, Partial<ExpectedRows>, string, RegExp, RegExp]>([
    [
      'a row that is no object',
      'rows.jsonl',
      '{"a":1,"label":0}\n[1,0]\n',
      {},
      'data.malformed',
      /rows\.jsonl, line 2: not a JSON object/,
      /one object a line/,
    ],
    [
      'a field that is left out',
      'rows.jsonl',
      '{"a":1,"label":0}\n{"label":0}\n',
      {},
      'data.missing',
      /rows\.jsonl, line 2, column “a”/,
      /what stands for an empty cell/,
    ],
    [
      'a word where a number should be',
      'rows.csv',
      'a,label\n1,0\nold,1\n',
      {},
      'data.not-a-number',
      /rows\.csv, line 3, column “a”/,
      /declare a column of words as a category/,
    ],
    [
      'too many columns for the model',
      'rows.csv',
      'a,b,label\n1,2,0\n',
      { inputs: 1 },
      'data.inputs',
      /rows\.csv: the columns become 2 features; the model takes 1/,
      /data\.columns/,
    ],
    [
      'a file of another kind',
      'rows.parquet',
      'a,label\n1,0\n',
      {},
      'data.malformed',
      /rows\.parquet: not a Parquet file/,
      /data\.format/,
    ],
    [
      'a file of no known kind',
      'rows.xlsx',
      '',
      {},
      'data.format',
      /rows\.xlsx: its ending/,
      /Set data\.format/,
    ],
  ])(
    '%s is refused with file, row, column and cure',
    async (_what, name, content, more, code, message, remedy) => {
      await expect(read({ source: await fileOf(name, content) }, more)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
        remedy: expect.stringMatching(remedy) as string,
      });
    },
  );

  it('an image of another size is refused with its name, and a broken one', async () => {
    const folder = await temporaryDirectory();
    await mkdir(join(folder, '0'));
    await writeFile(
      join(folder, '0', 'a.png'),
      png(3, 1, () => [0, 0, 0]),
    );
    const columns = [{ name: 'image', type: 'image', width: 2, height: 1, channels: 1 } as const];
    await expect(read({ source: folder }, { columns })).rejects.toMatchObject({
      code: 'data.image-size',
      message: expect.stringContaining(
        '0/a.png, column “image”: there is an image of 3 × 1; the job says 2 × 1',
      ) as string,
    });
    await writeFile(join(folder, '0', 'a.png'), 'no picture');
    await expect(read({ source: folder }, { columns })).rejects.toMatchObject({
      code: 'data.malformed',
      message: expect.stringContaining('0/a.png: not a whole image') as string,
    });
  });

  it.each([
    [
      'Fortran order',
      (bytes: Uint8Array) =>
        Buffer.from(Buffer.from(bytes).toString('latin1').replace('False', 'True '), 'latin1'),
    ],
    [
      'another type',
      (bytes: Uint8Array) =>
        Buffer.from(Buffer.from(bytes).toString('latin1').replace('<f4', '>c8'), 'latin1'),
    ],
    ['an end too early', (bytes: Uint8Array) => bytes.subarray(0, -3)],
    ['another beginning', (bytes: Uint8Array) => bytes.subarray(2)],
  ])('an array with %s is refused', async (_what, spoil) => {
    const bytes = npy('<f4', '3, 2', new Uint8Array(asRead.features.buffer));
    const labels = await fileOf('y.npy', npy('|u1', '3,', Uint8Array.of(0, 1, 0)));
    await expect(read({ source: await fileOf('x.npy', spoil(bytes)), labels })).rejects.toMatchObject({
      code: 'data.malformed',
    });
  });
});

describeWithPostgres('rows from PostgreSQL', (server) => {
  it('are those of a query, in a session that cannot write', async () => {
    const source = await server().database();
    const client = new pg.Client({ connectionString: source });
    await client.connect();
    await client.query('CREATE TABLE patients (a int, b float8, label text, name text)');
    await client.query(
      `INSERT INTO patients SELECT 2 * i + 1, 2 * i + 2, (i % 2)::text, 'x' FROM generate_series(0, 2) i`,
    );
    expect(await read({ source, query: 'SELECT a, b, label FROM patients ORDER BY a' })).toEqual(asRead);
    await client.query('INSERT INTO patients SELECT i, i, 1, NULL FROM generate_series(1, 2500) i');
    expect(await read({ source, query: 'SELECT a, label FROM patients' })).toMatchObject({ count: 2503 });
    const writing = 'SELECT a, label FROM patients) AS x; DELETE FROM patients; SELECT * FROM (SELECT 1 AS a';
    await expect(read({ source, query: writing })).rejects.toMatchObject({ code: 'data.malformed' });
    const { rows: left } = await client.query('SELECT count(*)::int AS count FROM patients');
    expect(left).toEqual([{ count: 2503 }]);
    await client.end();
  });

  it('cannot be had from a server that is not there', async () => {
    const source = 'postgresql://nobody@127.0.0.1:1/none';
    await expect(read({ source, query: 'SELECT 1' })).rejects.toMatchObject({ code: 'data.unreadable' });
  });
});
