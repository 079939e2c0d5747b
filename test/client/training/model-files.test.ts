import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildModel, readModelFiles } from '@tutti/client/training';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { readModel, unpackModel } from '../../../packages/client/src/training/model-files/index.js';
import { saved } from './support/saved-model.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

/** With a seed whose first byte is no white space: between JSON and weights there may be some, and a byte too many would pass for it. */
const model = () =>
  tf.sequential({
    layers: [
      tf.layers.dense({
        inputShape: [3],
        units: 4,
        activation: 'relu',
        kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
      }),
      tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
    ],
  });

async function change(
  path: string,
  by: (json: { weightsManifest: { paths: string[] }[] }) => void,
): Promise<void> {
  const json = JSON.parse(await readFile(path, 'utf8')) as { weightsManifest: { paths: string[] }[] };
  by(json);
  await writeFile(path, JSON.stringify(json));
}

describe('a model in one piece', () => {
  it('has the hash of its files for a name, and is what the files are', async () => {
    const path = await saved(model());
    const files = await readModelFiles(path);
    const whole = await readModel(path);
    expect(createHash('sha256').update(whole).digest('hex')).toBe(files.sha256);
    expect(unpackModel(whole)).toEqual(files);
  });

  it.each(['\n', ' \r\n\t', ''])('may end its JSON with %j', async (end) => {
    const path = await saved(model());
    await writeFile(path, `${(await readFile(path, 'utf8')).trimEnd()}${end}`);
    const { weights, topology } = unpackModel(await readModel(path));
    expect(weights).toEqual(new Uint8Array(await readFile(join(dirname(path), 'weights.bin'))));
    expect(topology).toEqual((await readModelFiles(path)).topology);
  });

  it.each<[string, (whole: Uint8Array) => Uint8Array]>([
    ['is cut short', (whole) => whole.subarray(0, -4)],
    ['has more weights than it states', (whole) => Uint8Array.of(...whole, 99)],
    ['is cut within its JSON', (whole) => whole.subarray(0, 40)],
    ['is empty', () => new Uint8Array(0)],
    ['is brackets alone', () => new TextEncoder().encode('}}}{{{"')],
  ])('is refused when it %s', async (_, change) => {
    const whole = await readModel(await saved(model()));
    expect(() => unpackModel(change(whole))).toThrow(
      expect.objectContaining({ code: 'training.model-file' }) as Error,
    );
  });

  it('is refused when it is larger than may be', async () => {
    const path = await saved(model());
    const { length } = await readModel(path);
    await expect(readModel(path, length)).resolves.toHaveLength(length);
    await expect(readModel(path, length - 1)).rejects.toMatchObject({ code: 'training.model-file' });
  });
});

describe('a model in files', () => {
  it('computes what it computed when it was saved', async () => {
    const original = model();
    const files = await readModelFiles(await saved(original));
    const read = await buildModel(tf, files);
    const x = tf.randomNormal([5, 3]);
    expect((read.predict(x) as tf.Tensor).dataSync()).toEqual((original.predict(x) as tf.Tensor).dataSync());
  });

  it('is taken with its hash, and with no other', async () => {
    const path = await saved(model());
    const { sha256 } = await readModelFiles(path);
    await readModelFiles(`${path}#sha256=${sha256}`);
    const weights = join(dirname(path), 'weights.bin');
    const bytes = await readFile(weights);
    bytes[5]! ^= 1;
    await writeFile(weights, bytes);
    await expect(readModelFiles(`${path}#sha256=${sha256}`)).rejects.toMatchObject({
      code: 'training.model-file',
      message: expect.stringContaining(sha256) as string,
    });
  });

  it('is fetched over the network with a hash only', async () => {
    const path = await saved(model());
    const { sha256 } = await readModelFiles(path);
    const server = createServer((request, response) => {
      void readFile(join(dirname(path), request.url ?? '')).then((bytes) => response.end(bytes));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.json`;
    try {
      expect((await readModelFiles(`${url}#sha256=${sha256}`)).sha256).toBe(sha256);
      await expect(readModelFiles(url)).rejects.toThrow('has no hash');
    } finally {
      server.close();
    }
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['is absent', (path) => readModelFiles(`${path}x`)],
    ['has a hash that is none', (path) => readModelFiles(`${path}#sha256=12`)],
    [
      'names a file of another folder',
      async (path) => {
        await change(path, ({ weightsManifest }) => (weightsManifest[0]!.paths = ['../weights.bin']));
        return readModelFiles(path);
      },
    ],
    [
      'has weights that are too short',
      async (path) => {
        await writeFile(join(dirname(path), 'weights.bin'), new Uint8Array(8));
        return readModelFiles(path);
      },
    ],
    [
      'has weights that are too short by the end of its last line',
      async (path) => {
        await writeFile(path, `${(await readFile(path, 'utf8')).trimEnd()}\n`);
        const weights = join(dirname(path), 'weights.bin');
        await writeFile(weights, (await readFile(weights)).subarray(1));
        return readModelFiles(path);
      },
    ],
    [
      'is no JSON',
      async (path) => {
        await writeFile(path, 'weights');
        return readModelFiles(path);
      },
    ],
    [
      'is a graph and no layers',
      async (path) => {
        await writeFile(path, JSON.stringify({ format: 'graph-model', weightsManifest: [] }));
        return readModelFiles(path);
      },
    ],
  ])('is refused when it %s', async (_, read) => {
    await expect(read(await saved(model()))).rejects.toMatchObject({ code: 'training.model-file' });
  });

  it('is refused when TensorFlow.js does not know a layer', async () => {
    const { topology, entries, weights } = await readModelFiles(await saved(model()));
    const other = JSON.parse(JSON.stringify(topology).replaceAll('"Dense"', '"Unheard"')) as typeof topology;
    await expect(buildModel(tf, { topology: other, entries, weights })).rejects.toMatchObject({
      code: 'training.model',
    });
  });
});
