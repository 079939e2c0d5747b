import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDataset, selectRows } from '../../../packages/simulation/src/data/index.js';

const digits = { source: 'digits', label: 'label', offset: 0, scale: 16, heldOut: 0.2 };
const shape = { inputs: 64, classes: 10 };

describe('the digits that come with Tutti', () => {
  it('are the 1,797 published rows, with the published number of each digit', () => {
    const text = readFileSync('packages/simulation/data/digits.csv', 'utf8');
    const [, ...rows] = text.trimEnd().split('\n');
    const counts = new Array<number>(10).fill(0);
    for (const row of rows) counts[Number(row.split(',').at(-1))]! += 1;
    // UCI Machine Learning Repository, data set 80: number of examples of each class in the testing set.
    expect(counts).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
  });

  it('hold the bytes of the scikit-learn distribution, but for the header', () => {
    const text = readFileSync('packages/simulation/data/digits.csv', 'utf8');
    const body = text.slice(text.indexOf('\n') + 1);
    // SHA-256 of `zcat sklearn/datasets/data/digits.csv.gz`, scikit-learn 1.9.1.
    expect(createHash('sha256').update(body).digest('hex')).toBe(
      '6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8',
    );
  });
});

describe('loadDataset', () => {
  it('splits every row into one of the two sides', async () => {
    const { train, heldOut } = await loadDataset(digits, shape);
    expect(heldOut.count).toBe(359);
    expect(train.count).toBe(1438);
    const rowsOf = (side: typeof train) =>
      Array.from({ length: side.count }, (_, row) => side.features.subarray(row * 64, (row + 1) * 64).join());
    const all = await loadDataset({ ...digits, heldOut: 0.5 }, shape);
    expect([...rowsOf(train), ...rowsOf(heldOut)].sort()).toEqual(
      [...rowsOf(all.train), ...rowsOf(all.heldOut)].sort(),
    );
    expect(Math.max(...train.features)).toBe(1);
    expect(Math.min(...train.features)).toBe(0);
  });

  it('holds out rows of every class, the same for the same seed, others for another', async () => {
    const first = await loadDataset(digits, shape);
    const again = await loadDataset(digits, shape);
    const other = await loadDataset(digits, { ...shape, seed: 2 });
    expect(again).toEqual(first);
    expect(other.heldOut.labels).not.toEqual(first.heldOut.labels);
    expect(new Set(first.heldOut.labels).size).toBe(10);
  });

  it('subtracts an offset', async () => {
    const { heldOut } = await loadDataset({ ...digits, offset: 8 }, shape);
    expect(Math.max(...heldOut.features)).toBe(0.5);
    expect(Math.min(...heldOut.features)).toBe(-0.5);
  });

  it('reads a path relative to the directory of the job', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tutti-dataset-'));
    try {
      writeFileSync(join(directory, 'own.csv'), 'x,label\n1,0\n2,1\n');
      const job = { source: 'own.csv', label: 'label', offset: 0, scale: 1, heldOut: 0.5 };
      const { train, heldOut } = await loadDataset(job, { inputs: 1, classes: 2, directory });
      expect([...train.features, ...heldOut.features].sort()).toEqual([1, 2]);
      await expect(
        loadDataset({ ...job, heldOut: 0.1 }, { inputs: 1, classes: 2, directory }),
      ).rejects.toMatchObject({
        code: 'data.too-few',
      });
      await expect(
        loadDataset({ ...job, heldOut: 0.9 }, { inputs: 1, classes: 2, directory }),
      ).rejects.toMatchObject({
        code: 'data.too-few',
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('refuses a model of another number of features or too few classes', async () => {
    await expect(loadDataset(digits, { inputs: 63, classes: 10 })).rejects.toMatchObject({
      code: 'data.inputs',
      remedy: expect.stringContaining('64') as string,
    });
    await expect(loadDataset(digits, { inputs: 64, classes: 9 })).rejects.toMatchObject({
      code: 'data.label',
    });
  });
});

describe('selectRows', () => {
  const examples = { features: Float32Array.of(1, 2, 3, 4, 5, 6), labels: Int32Array.of(7, 8, 9), count: 3 };

  it('takes rows in the order named', () => {
    expect(selectRows(examples, 2, [2, 0])).toEqual({
      features: Float32Array.of(5, 6, 1, 2),
      labels: Int32Array.of(9, 7),
      count: 2,
    });
  });

  it('refuses a row that is not there', () => {
    expect(() => selectRows(examples, 2, [3])).toThrow(RangeError);
    expect(() => selectRows(examples, 2, [-1])).toThrow(RangeError);
  });
});
