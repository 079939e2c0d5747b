import { dirname, join } from 'node:path';
import tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildModel, readModelFiles } from '@tutti/client/training';
import { requireBackend } from '../../packages/client/src/training/tensorflow/backends.js';
import { saved } from '../client/training/support/saved-model.js';
import { run } from './command.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

const sequential = (...layers: tf.layers.Layer[]) => tf.sequential({ layers });

interface Result {
  readonly sha256: string;
  readonly parameters: number;
  readonly changes: { layer: string; change: string }[];
  readonly problems: { layer: string; reason: string }[];
  readonly written?: string;
}

async function check(path: string, ...more: string[]): Promise<{ code: number; result: Result }> {
  const { code, stdout } = await run(['model', 'check', path, '--json', ...more]);
  return { code, result: JSON.parse(stdout) as Result };
}

describe('tutti model check', () => {
  it('finds nothing wrong with a model that can be trained', async () => {
    const path = await saved(sequential(tf.layers.dense({ inputShape: [3], units: 2 })));
    const { code, stdout } = await run(['model', 'check', path]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /8 parameters, #sha256=[0-9a-f]{64}\nIt can be trained with privacy for each example\.\n$/,
    );
  });

  it('names what stands in the way, and ends with 1', async () => {
    const path = await saved(
      sequential(
        tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 3, kernelSize: 3 }),
        tf.layers.batchNormalization({ name: 'norm' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, activation: 'softmax', name: 'classes' }),
      ),
    );
    const { code, stdout } = await run(['model', 'check', path]);
    expect(code).toBe(1);
    expect(stdout).toContain('norm: batch normalization mixes');
    expect(stdout).toContain('classes: the loss applies the softmax itself');
    expect(stdout).toContain('--fix changes what can be changed.');
  });

  it.each<[string, () => tf.LayersModel, readonly string[]]>([
    [
      'batch normalization, also without scale, and a softmax',
      () =>
        sequential(
          tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 3, kernelSize: 3 }),
          tf.layers.batchNormalization({ name: 'first' }),
          tf.layers.batchNormalization({ name: 'second', scale: false }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 2, name: 'classes' }),
          tf.layers.softmax({ name: 'end' }),
        ),
      ['first', 'second', 'end'],
    ],
    [
      'a recurrent layer that drops inside, and a mask',
      () =>
        sequential(
          tf.layers.embedding({ inputDim: 5, outputDim: 3, inputLength: 4, maskZero: true, name: 'tokens' }),
          tf.layers.gru({ units: 3, dropout: 0.2, recurrentDropout: 0.3, name: 'reader' }),
          tf.layers.dense({ units: 2 }),
        ),
      ['tokens', 'reader', 'reader'],
    ],
    [
      'a model within the model',
      () =>
        sequential(
          tf.layers.inputLayer({ inputShape: [3] }),
          sequential(
            tf.layers.dense({ inputShape: [3], units: 3 }),
            tf.layers.batchNormalization({ name: 'inner' }),
          ),
          tf.layers.dense({ units: 2 }),
        ),
      ['inner'],
    ],
    [
      'layer normalization without offset',
      () =>
        sequential(
          tf.layers.dense({ inputShape: [3], units: 3 }),
          tf.layers.layerNormalization({ center: false, name: 'norm' }),
          tf.layers.dense({ units: 2 }),
        ),
      ['norm'],
    ],
  ])('changes %s, and keeps the weights that there still are', async (_, build, layers) => {
    const original = build();
    const path = await saved(original);
    const { code, result } = await check(path, '--fix');
    expect(result.problems).toEqual([]);
    expect(code).toBe(0);
    expect(result.changes.map(({ layer }) => layer)).toEqual(layers);
    expect(result.written).toBe(join(dirname(path), 'fixed'));
    const fixed = join(result.written!, 'model.json');
    expect((await check(fixed)).code).toBe(0);
    const model = await buildModel(tf, await readModelFiles(fixed));
    const [before] = original.trainableWeights.map((weight) => weight.read().dataSync());
    const [after] = model.trainableWeights.map((weight) => weight.read().dataSync());
    expect(after).toEqual(before);
    for (const { shape } of model.outputs) expect(shape).toEqual([null, 2]);
  });

  it('leaves what it cannot change, and says so', async () => {
    const path = await saved(
      sequential(
        tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 3, kernelSize: 3, dilationRate: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2 }),
      ),
    );
    const { code, result } = await check(path, '--fix');
    expect(code).toBe(1);
    expect(result.changes).toEqual([]);
    expect(result.written).toBeUndefined();
    expect(result.problems[0]!.reason).toContain('dilated');
  });

  it('says what is wrong with a file', async () => {
    const { code, stderr } = await run(['model', 'check', '/nowhere/model.json']);
    expect(code).toBe(1);
    expect(stderr).toContain('/nowhere/model.json cannot be read: ENOENT');
  });
});
