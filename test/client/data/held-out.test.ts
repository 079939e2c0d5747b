import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clientConfigSchema } from '@tutti/client/daemon';
import { csvSource, holdOut, isHeldOut, readExamples, type Part, type ReadOptions } from '@tutti/client/data';
import { LocalData } from '../../../packages/client/src/daemon/local-data.js';
import { temporaryDirectory } from '../../support/temporary.js';

const HEADER = 'who,age,ratio,label';
const lineOf = (row: number) => `patient ${row % 50},${20 + (row % 61)},${(row * 37) % 101},${row % 2}`;
const lines = Array.from({ length: 400 }, (_, row) => lineOf(row));

const layout = {
  label: 'label',
  offset: 0,
  scale: 1,
  columns: [
    { name: 'age', type: 'number' as const },
    { name: 'ratio', type: 'number' as const },
  ],
};

async function file(rows: readonly string[], header = HEADER): Promise<string> {
  const path = join(await temporaryDirectory(), 'rows.csv');
  await writeFile(path, [header, ...rows].join('\n'));
  return path;
}

/** The rows of one side, as text. */
async function side(path: string, part: Part, options: ReadOptions = {}, by?: string) {
  const split = { fraction: 0.2, part, ...(by !== undefined && { by }) };
  const { features, labels, count } = await readExamples(
    csvSource(path),
    { ...layout, classCount: 2 },
    { ...options, split },
  );
  return Array.from(
    { length: count },
    (_, row) => `${features.slice(2 * row, 2 * row + 2).join()} ${labels[row]}`,
  );
}

describe('rows that are held out', () => {
  it('are a fifth of them, and training has exactly the others', async () => {
    const path = await file(lines);
    const [training, heldOut] = [await side(path, 'training'), await side(path, 'held-out')];
    const all = await readExamples(csvSource(path), { ...layout, classCount: 2 });
    expect(training.length + heldOut.length).toBe(all.count);
    // Standard deviation 8.
    expect(Math.abs(heldOut.length - 80)).toBeLessThan(32);
  });

  it('stay what they are when rows come, go and change their order, and when columns do', async () => {
    const before = await side(await file(lines), 'held-out');
    const grown = [...Array.from({ length: 300 }, (_, row) => lineOf(row + 1000)), ...lines];
    const after = await side(await file(grown.toReversed()), 'held-out');
    expect(before.every((row) => after.includes(row))).toBe(true);
    const trained = await side(await file(lines), 'training');
    const fewer = new Set(await side(await file(lines.slice(100)), 'training'));
    expect([...fewer].every((row) => trained.includes(row))).toBe(true);
    const moved = lines.map((line) => line.split(',').toReversed().join());
    expect(await side(await file(moved, HEADER.split(',').toReversed().join()), 'held-out')).toEqual(before);
  });

  it('are the same whatever columns a job asks for', async () => {
    const path = await file(lines);
    const split = { fraction: 0.2, part: 'held-out' as const };
    const read = (columns: typeof layout.columns) =>
      readExamples(csvSource(path), { ...layout, columns, classCount: 2 }, { split });
    const [both, one] = [await read(layout.columns), await read(layout.columns.slice(0, 1))];
    expect(Array.from(one.features)).toEqual(Array.from(both.features).filter((_, index) => index % 2 === 0));
  });

  it('are all rows of a patient or none where they are split by who they are of', async () => {
    const path = await file(lines);
    const subjects = async (part: Part) => {
      const columns = [{ name: 'who', type: 'category' as const, categories: [] as string[] }];
      columns[0]!.categories = Array.from({ length: 50 }, (_, who) => `patient ${who}`);
      const { features, count } = await readExamples(
        csvSource(path),
        { ...layout, columns, classCount: 2 },
        { split: { fraction: 0.2, part, by: 'who' } },
      );
      return new Set(Array.from({ length: count }, (_, row) => features.indexOf(1, row * 50) % 50));
    };
    const [training, heldOut] = [await subjects('training'), await subjects('held-out')];
    expect(training.size + heldOut.size).toBe(50);
    expect([...heldOut].filter((who) => training.has(who))).toEqual([]);
    expect(heldOut.size).toBeGreaterThan(2);
  });

  it('leave out those of people who withdrew, on both sides, and move no other', async () => {
    const path = await file(lines);
    const withdrawn = {
      column: 'who',
      leaveOut: (subjects: readonly string[]) =>
        Promise.resolve(
          subjects.flatMap((who, index) => (who === 'patient 7' || who === 'patient 8' ? [index] : [])),
        ),
    };
    const gone = lines.filter((line) => /^patient [78],/.test(line));
    const asRead = (line: string) => line.replace(/^[^,]*,(.*),(.)$/, '$1 $2');
    for (const part of ['training', 'held-out'] as const) {
      const all = await side(path, part, {}, 'who');
      const left = await side(path, part, { withdrawn }, 'who');
      const expected = lines.filter((line) => !gone.includes(line)).map(asRead);
      expect(left).toEqual(all.filter((row) => expected.includes(row)));
    }
    const left = await Promise.all(
      (['training', 'held-out'] as const).map((part) => side(path, part, { withdrawn }, 'who')),
    );
    expect(left.flat()).toHaveLength(lines.length - gone.length);
  });

  it('are read of no column that the owner does not allow', async () => {
    const read: string[][] = [];
    const source = csvSource(await file(lines));
    const watched = {
      ...source,
      rows: (columns: readonly string[]) => {
        read.push([...columns]);
        return source.rows(columns);
      },
    };
    await readExamples(
      watched,
      { ...layout, classCount: 2 },
      { allowed: ['age', 'ratio', 'label'], split: { fraction: 0.2, part: 'training' } },
    );
    expect(read).toEqual([['age', 'ratio', 'label']]);
  });

  it('are refused where a side is left with none, and where the column that decides is not there', async () => {
    const row = lines[0]!;
    const isOut = isHeldOut([...row.split(',')].toSorted(), 0.5);
    expect(isOut).toBe(isHeldOut([...row.split(',')].toSorted(), 0.5));
    const path = await file([row]);
    const sides = await Promise.allSettled([side(path, 'training'), side(path, 'held-out')]);
    const refused = sides.filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'data.held-out' } }]);
    await expect(side(path, 'training', {}, 'ward')).rejects.toMatchObject({ code: 'data.header' });
  });

  it('are kept aside by a client whose file says so, and by no other', async () => {
    const source = await file(lines);
    const config = (data: Record<string, unknown>) =>
      new LocalData(
        clientConfigSchema.parse({
          coordinator: {
            url: 'http://localhost',
            key: '0'.repeat(64),
            authority: '0'.repeat(64),
            group: '0'.repeat(64),
          },
          data: { source, ...data },
        }),
      );
    const job = {
      purpose: 'anything',
      model: { inputs: 2, classes: 2 },
      data: layout,
    } as unknown as Parameters<LocalData['count']>[0];
    const known = { hash: 'a job', job };
    const splitting = config({ heldOut: 0.2 });
    const [training, heldOut] = [await splitting.examples(known), await splitting.heldOut(known)];
    expect(training.count + heldOut.count).toBe(lines.length);
    expect((await config({ heldOut: 0.2 }).heldOut(known)).features).toEqual(heldOut.features);
    expect((await config({}).examples(known)).count).toBe(lines.length);
    await expect(async () => config({}).heldOut(known)).rejects.toMatchObject({ code: 'policy.held-out' });
    splitting.release();
  });

  it('are chosen of rows in memory by what they are', () => {
    const features = Float32Array.from({ length: 600 }, (_, at) => (at * 7919) % 1009);
    const labels = Int32Array.from({ length: 200 }, (_, row) => row % 3);
    const whole = holdOut({ features, labels, count: 200 }, 0.25);
    expect(whole.training.count + whole['held-out'].count).toBe(200);
    const half = holdOut(
      { features: features.slice(0, 300), labels: labels.slice(0, 100), count: 100 },
      0.25,
    );
    expect(whole['held-out'].features.subarray(0, half['held-out'].features.length)).toEqual(
      half['held-out'].features,
    );
    const one = { features: features.slice(0, 3), labels: labels.slice(0, 1), count: 1 };
    expect(() => holdOut(one, 0.5)).toThrow(expect.objectContaining({ code: 'data.held-out' }));
  });
});
