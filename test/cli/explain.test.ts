import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layersModelFiles } from '@tutti/client/training';
import { modelSpecSchema } from '@tutti/shared/learning';
import { jobSchema } from '@tutti/shared/protocol';
import { simulate } from '@tutti/simulation';
import { run } from './command.js';

interface Printed {
  readonly base: number;
  readonly score: number;
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

let folder: string;
let model: string;
let data: string;
let digits: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  model = folder;
  const spec = modelSpecSchema.parse({ inputs: 3, classes: 2 });
  // Class 1 where the first feature is large; the third is not read.
  const files = layersModelFiles(spec, Float32Array.of(-2, 2, 0.5, -0.5, 0, 0, 0, 0));
  for (const [name, content] of Object.entries(files)) await writeFile(join(model, name), content);
  data = join(folder, 'own.csv');
  await writeFile(data, 'age,dose,<b>,label\n1,0,5,1\n-1,1,6,0\n0.5,0,7,1\n');
  const job = jobSchema.parse({
    name: 'small',
    data: { offset: 5 },
    model: { inputs: 64, classes: 10 },
    rounds: 1,
    cohort: { samplingRate: 0.4, minimum: 4, maximum: 40 },
    privacy: { epsilon: 20 },
    simulation: { clients: 30 },
  });
  digits = (await simulate({ job, out: folder, transport: 'memory', seed: 1 })).directory;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const own = (...argv: string[]) => run(['explain', model, '--data', data, ...argv]);

describe('tutti explain', () => {
  it('explains a row of a client’s own file, and its values sum to score minus base', async () => {
    const { stdout, code } = await own('--json', '--row', '0');
    const { base, score, values } = JSON.parse(stdout) as Printed;
    expect(code).toBe(0);
    expect(values.map(({ name }) => name)).toEqual(['age', 'dose', '<b>']);
    expect(values.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(score - base, 9);
    expect(values[0]!.value).toBeGreaterThan(0);
    expect(values[2]!.value).toBeCloseTo(0, 9);
  });

  it.each(['shap', 'lime', 'importance', 'gradients'])(
    'draws bars by %s, the strongest first',
    async (method) => {
      const { stdout, code } = await own('--method', method);
      expect(code).toBe(0);
      const [first] = stdout.split('\n').filter((line) => line.includes('│'));
      expect(first).toContain('age');
      expect(first).toContain('█');
    },
  );

  it('draws a curve of one feature', async () => {
    const { stdout } = await own('--method', 'dependence', '--feature', 'age', '--class', '1', '--json');
    const { values } = JSON.parse(stdout) as Printed;
    expect(values.at(-1)!.value).toBeGreaterThan(values[0]!.value);
  });

  it('shades the image of a run’s row', async () => {
    for (const method of ['occlusion', 'gradients']) {
      const { stdout, code } = await run(['explain', digits, '--method', method, '--image', '8x8']);
      expect(code).toBe(0);
      expect(stdout.split('\n').filter((line) => /^ {2}│.{16}│$/.test(line))).toHaveLength(8);
    }
  });

  it('explains a model with convolutions: gradients sum to score minus base, an occlusion finds the pixels that are read', async () => {
    const spec = modelSpecSchema.parse({
      inputs: 32,
      classes: 2,
      image: { height: 4, width: 4, channels: 2 },
      convolutions: [{ filters: 2, kernel: 1, pool: 1, activation: 'tanh' }],
    });
    // The convolution lets each channel through; class 1 is where the first channel of the first pixel is large.
    const weights = new Float32Array(2 * 2 + 2 + 32 * 2 + 2);
    weights.set([1, 0, 0, 1], 0);
    weights.set([-2, 2], 6);
    const convolutional = join(folder, 'convolutional');
    await mkdir(convolutional);
    for (const [name, content] of Object.entries(layersModelFiles(spec, weights)))
      await writeFile(join(convolutional, name), content);
    const columns = Array.from({ length: 32 }, (_, column) => `p${column}`);
    const rows = join(folder, 'pixels.csv');
    const bright = columns.map((_, column) => (column === 0 ? 1 : 0.5)).join(',');
    await writeFile(rows, `${columns.join(',')},label\n${bright},1\n${columns.map(() => 0).join(',')},0\n`);
    for (const method of ['gradients', 'occlusion']) {
      const { stdout, code } = await run([
        ...['explain', convolutional, '--data', rows, '--method', method, '--image', '4x4x2', '--json'],
      ]);
      expect(code).toBe(0);
      const { values, score, base } = JSON.parse(stdout) as Printed;
      expect(values).toHaveLength(16);
      const strongest = values.reduce((best, value) => (value.value > best.value ? value : best));
      expect(strongest.name).toBe('line 0, column 0');
      if (method === 'gradients')
        expect(values.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(score - base, 3);
    }
    const shap = await run(['explain', convolutional, '--data', rows, '--json']);
    expect(shap.code).toBe(0);
  });

  it('takes means or quantiles for the background, and says so', async () => {
    const background = join(folder, 'background.json');
    await writeFile(background, '{"means": [0, 0, 0], "source": "a private mean"}');
    expect((await own('--background', background)).stdout).toContain('Background: a private mean.');
    await writeFile(background, '{"quantiles": [[0, 1], [0, 1], [5, 7]]}');
    expect((await own('--background', background)).stdout).toContain('quantiles from a file');
    await writeFile(background, '{"rows": [[1, 2, 3]]}');
    expect(await own('--background', background)).toMatchObject({ code: 2, stdout: '' });
  });

  it('writes a page that asks the network for nothing and escapes what stands in the header', async () => {
    const html = join(folder, 'why.html');
    await own('--html', html);
    const text = await readFile(html, 'utf8');
    expect(text).toContain('<svg class="explanation"');
    expect(text).toContain('&lt;b&gt;');
    expect(text).not.toMatch(/<script|https?:\/\//);
    expect(text).toContain('default-src &#39;none&#39;');
  });

  it.each([
    [['--row', '99'], 'There is no row 99'],
    [['--method', 'dependence', '--feature', 'height'], 'no feature “height”'],
    [['--method', 'occlusion'], 'needs an image'],
    [['--method', 'occlusion', '--image', '5x5'], 'are not an image'],
    [['--image', 'large'], 'must be a size'],
    [['--method', 'tea-leaves'], 'choices'],
  ])('exits 2 for %j', async (argv, message) => {
    const { code, stdout, stderr } = await own(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('refuses a model without rows, a folder without a model, and a client that is not there', async () => {
    expect((await run(['explain', model])).stderr).toContain('no rows');
    expect((await run(['explain', join(folder, 'nowhere')])).code).toBe(2);
    expect((await run(['explain', digits, '--client', '999'])).stderr).toContain('no virtual client 999');
  });
});
