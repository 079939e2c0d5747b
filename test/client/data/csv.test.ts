import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TuttiError } from '@tutti/shared/errors';
import { readCsv, type CsvOptions, type Table } from '@tutti/client/data';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tutti-csv-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function fileOf(text: string): string {
  const path = join(directory, `${files++}.csv`);
  writeFileSync(path, text);
  return path;
}

const options: CsvOptions = { label: 'label', classes: 3 };

async function read(text: string, more: Partial<CsvOptions> = {}): Promise<Table> {
  return readCsv(fileOf(text), { ...options, ...more });
}

/** The error of reading `text`, with the directory cut from its message. */
async function errorOf(text: string, more: Partial<CsvOptions> = {}): Promise<TuttiError> {
  const path = fileOf(text);
  const error: unknown = await readCsv(path, { ...options, ...more }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TuttiError);
  expect((error as TuttiError).message).toContain(path);
  return error as TuttiError;
}

describe('readCsv', () => {
  it('reads numbers and labels in the order of the file', async () => {
    const table = await read('a,label,b\n1,2,-3.5\n.5,0,1e2\n');
    expect(table).toEqual({
      features: Float32Array.of(1, -3.5, 0.5, 100),
      labels: Int32Array.of(2, 0),
      count: 2,
      inputs: 2,
    });
  });

  it('subtracts the offset, then divides by the scale', async () => {
    const table = await read('a,label\n16,0\n8,1\n', { scale: 16, offset: 8 });
    expect([...table.features]).toEqual([0.5, 0]);
  });

  it('takes the columns that are named, in the order in which they are named', async () => {
    const table = await read('a,note,label,b\n1,hello,0,2\n', {
      features: [
        { name: 'b', type: 'number' },
        { name: 'a', type: 'number' },
      ],
    });
    expect([...table.features]).toEqual([2, 1]);
  });

  it('makes one feature of each declared category, and leaves categories unscaled', async () => {
    const table = await read('x,colour,label\n4,red,0\n8,blue,1\n', {
      scale: 4,
      features: [
        { name: 'colour', type: 'category', categories: ['blue', 'green', 'red'] },
        { name: 'x', type: 'number' },
      ],
    });
    expect(table.inputs).toBe(4);
    expect([...table.features]).toEqual([0, 0, 1, 1, 1, 0, 0, 2]);
  });

  it('reads named classes', async () => {
    const table = await read('a,label\n1,benign\n2,malignant\n', { classes: ['benign', 'malignant'] });
    expect([...table.labels]).toEqual([0, 1]);
  });

  it.each([
    ['a byte order mark', '\ufeffa,label\n1,2\n'],
    ['carriage returns', 'a,label\r\n1,2\r\n'],
    ['no newline at the end', 'a,label\n1,2'],
    ['blank lines', 'a,label\n\n1,2\n\n'],
    ['quotes', '"a","label"\n"1","2"\n'],
    ['spaces around cells', ' a , label \n 1 , 2 \n'],
  ])('reads a file with %s', async (_, text) => {
    expect(await read(text)).toMatchObject({
      features: Float32Array.of(1),
      labels: Int32Array.of(2),
      count: 1,
    });
  });

  it.each([
    ['an empty file', '', 'data.empty', /is empty/],
    ['a file with a header only', 'a,label\n', 'data.empty', /no rows/],
    ['a missing label column', 'a,b\n1,2\n', 'data.header', /no column “label”. Its columns are: a, b\./],
    ['two columns of one name', 'a,a,label\n1,2,0\n', 'data.header', /two columns are named “a”/],
    ['a short row', 'a,b,label\n1,2,0\n1,2\n', 'data.ragged', /line 3: 2 columns; the header has 3/],
    ['a long row', 'a,b,label\n1,2,0,4\n', 'data.ragged', /line 2: 4 columns/],
    ['an empty cell', 'a,b,label\n1,2,0\n1,,0\n', 'data.missing', /line 3, column “b”/],
    ['an empty label', 'a,label\n1,\n', 'data.missing', /line 2, column “label”/],
    ['NaN', 'a,label\nNaN,0\n', 'data.not-a-number', /line 2, column “a”/],
    ['Infinity', 'a,label\nInfinity,0\n', 'data.not-a-number', /line 2, column “a”/],
    ['a number beyond 32-bit floats', 'a,label\n1e300,0\n', 'data.not-a-number', /line 2, column “a”/],
    ['a hexadecimal number', 'a,label\n0x10,0\n', 'data.not-a-number', /line 2, column “a”/],
    ['a decimal comma', 'a,label\n"1,5",0\n', 'data.not-a-number', /line 2, column “a”/],
    ['a word', 'a,label\n1,0\nsecret,0\n', 'data.not-a-number', /line 3, column “a”/],
    ['a label that is too large', 'a,label\n1,3\n', 'data.label', /line 2, column “label”.*0 to 2/],
    ['a negative label', 'a,label\n1,-1\n', 'data.label', /line 2, column “label”/],
    ['a fractional label', 'a,label\n1,0.5\n', 'data.label', /line 2, column “label”/],
    ['an unclosed quote', 'a,label\n"1,0\n', 'data.malformed', /line \d/],
  ])('refuses %s, saying where', async (_, text, code, message) => {
    const error = await errorOf(text);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
  });

  it('counts lines of the file, not rows, when a quoted cell spans two', async () => {
    const features = [{ name: 'a', type: 'number' as const }];
    const error = await errorOf('a,note,label\n1,"two\nlines",0\n,x,0\n', { features });
    expect(error.message).toMatch(/line 4, column “a”/);
  });

  it('refuses a category that was not declared', async () => {
    const features = [{ name: 'colour', type: 'category' as const, categories: ['red'] }];
    const error = await errorOf('colour,label\npurple,0\n', { features });
    expect(error.code).toBe('data.category');
    expect(error.message).toMatch(/line 2, column “colour”/);
  });

  it('refuses a class name that was not declared', async () => {
    expect((await errorOf('a,label\n1,maybe\n', { classes: ['yes', 'no'] })).code).toBe('data.label');
  });

  it('refuses a feature column that is not there', async () => {
    const error = await errorOf('a,label\n1,0\n', { features: [{ name: 'z', type: 'number' }] });
    expect(error.code).toBe('data.header');
    expect(error.message).toMatch(/no column “z”/);
  });

  it('never repeats what stands in a cell', async () => {
    const texts = [
      'a,label\nsecret,0\n',
      'a,label\n1,secret\n',
      'a,label\n1,0,secret\n',
      'a,label\n"secret,0\n',
      'a,label\n"s"ecret,0\n',
    ];
    for (const text of texts) {
      const error = await errorOf(text);
      expect(error.message + error.remedy + JSON.stringify(error.cause ?? '')).not.toMatch(/secret|ecret/);
    }
  });

  it('refuses a file that cannot be read', async () => {
    const path = join(directory, 'absent.csv');
    await expect(readCsv(path, options)).rejects.toMatchObject({
      code: 'data.unreadable',
      message: `${path} cannot be read (ENOENT).`,
    });
    await expect(readCsv(directory, options)).rejects.toMatchObject({ code: 'data.unreadable' });
  });
});
