import tf from '@tensorflow/tfjs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { countWeights, modelSpecSchema, type ModelSpec } from '@tutti/shared/learning';
import {
  buildModel,
  createChildTrainer,
  createTrainer,
  modelFilesOf,
  layersModelFiles,
  publicGenerator,
  readModelFiles,
  type Examples,
  type Trainer,
} from '@tutti/client/training';
import { requireBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { clusters, specOf } from './support/models.js';
import { saved } from './support/saved-model.js';

beforeAll(async () => {
  await requireBackend('cpu');
});

const settings = { epochs: 3, batchSize: 8, learningRate: 0.2 };
const dense = { inputs: 6, classes: 3, hidden: [{ units: 5, activation: 'tanh' as const }] };
const examples = clusters(40, 6, 3);

/** Accuracy of the exported model, read by TensorFlow.js alone. */
async function exportedAccuracy(spec: ModelSpec, weights: Float32Array, rows: Examples): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-export-'));
  for (const [name, content] of Object.entries(layersModelFiles(spec, weights))) {
    await writeFile(join(folder, name), content);
  }
  const model = await buildModel(tf, await readModelFiles(join(folder, 'model.json')));
  const x = tf.tensor(rows.features, [rows.count, ...model.inputs[0]!.shape.slice(1).map(Number)]);
  const predicted = (model.predict(x) as tf.Tensor2D).argMax(1).dataSync();
  return predicted.filter((label, row) => label === rows.labels[row]).length / rows.count;
}

async function trainedBy(trainer: Trainer, rows = examples, start = trainer.initialWeights()) {
  return trainer.train(start, rows, settings, publicGenerator(1));
}

describe('a convolutional model written in a job', () => {
  const spec = specOf({
    inputs: 64,
    classes: 4,
    image: { height: 8, width: 8, channels: 1 },
    convolutions: [
      { filters: 4, kernel: 3, activation: 'relu', pool: 2 },
      { filters: 6, kernel: 3, activation: 'relu', pool: 2 },
    ],
    hidden: [{ units: 8, activation: 'relu' }],
  });

  it('has the weights that are counted, trains, and is exported as it computes', async () => {
    const rows = clusters(60, 64, 4);
    const trainer = await createTrainer(spec, 'auto');
    expect(trainer.parameters).toBe(countWeights(spec));
    expect(trainer.parameters).toBe(9 * 4 + 4 + 9 * 4 * 6 + 6 + 2 * 2 * 6 * 8 + 8 + 8 * 4 + 4);
    const start = trainer.initialWeights();
    const before = await trainer.evaluate(start, rows);
    expect(before.loss).toBeCloseTo(Math.log(4), 5);
    const trained = await trainer.train(start, rows, { ...settings, epochs: 30 }, publicGenerator(1));
    const after = await trainer.evaluate(trained, rows);
    expect(after.accuracy).toBeGreaterThan(0.9);
    expect(await exportedAccuracy(spec, trained, rows)).toBe(after.accuracy);
  });

  it('starts alike on every backend', async () => {
    const [one, other] = [await createTrainer(spec, 'wasm'), await createTrainer(spec, 'cpu')];
    expect(one.initialWeights()).toEqual(other.initialWeights());
  });

  it('is none for typed arrays', async () => {
    await expect(createTrainer(spec, 'arrays')).rejects.toMatchObject({ code: 'model.not-dense' });
  });
});

describe('a frozen layer', () => {
  it('stays as it was drawn, and does not travel', async () => {
    const spec = specOf({ ...dense, frozen: ['hidden_1'] });
    const trainer = await createTrainer(spec, 'auto');
    expect(trainer.parameters).toBe(countWeights(spec));
    expect(trainer.parameters).toBe(5 * 3 + 3);
    const trained = await trainedBy(trainer);
    const { accuracy } = await trainer.evaluate(trained, examples);
    expect(accuracy).toBeGreaterThan(0.8);
    expect(await exportedAccuracy(spec, trained, examples)).toBe(accuracy);
  });
});

describe('a personal layer', () => {
  const spec = specOf({ ...dense, personal: ['classes'] });
  /** The same rows under other names: what one client calls 0 the other calls 1. */
  const renamed: Examples = { ...examples, labels: examples.labels.map((label) => (label + 1) % 3) };
  const long = { ...settings, epochs: 40 };

  it('is trained by each client for itself, and does not travel', async () => {
    const trainer = await createTrainer(spec, 'wasm');
    expect(trainer.parameters).toBe(6 * 5 + 5);
    const start = trainer.initialWeights();
    let shared = await trainer.train(start, examples, long, publicGenerator(1));
    shared = await trainer.train(shared, renamed, long, publicGenerator(2));
    expect(shared).toHaveLength(trainer.parameters);
    shared = await trainer.train(shared, examples, settings, publicGenerator(3));
    // Together they contradict each other; each with its own last layer is right.
    for (const rows of [examples, renamed]) {
      expect((await trainer.evaluate(shared, rows)).accuracy).toBeGreaterThan(0.9);
    }
    const stranger = { ...examples };
    expect((await trainer.evaluate(shared, stranger)).loss).toBeCloseTo(Math.log(3), 5);
  });

  it('is kept where its client says, by a process of its own too', async () => {
    const here = await createTrainer(spec, 'wasm');
    const there = await createChildTrainer(spec, 'wasm');
    const results: (Float32Array | undefined)[][] = [];
    for (const trainer of [here, there]) {
      let kept: Float32Array | undefined;
      const personal = { read: () => kept, write: (weights: Float32Array) => void (kept = weights) };
      const start = trainer.initialWeights();
      const trained = await trainer.train(start, examples, settings, publicGenerator(1), { personal });
      expect(kept).toHaveLength(5 * 3 + 3);
      const { loss } = await trainer.evaluate(trained, examples, personal);
      results.push([trained, kept, Float32Array.of(loss)]);
    }
    there.dispose();
    expect(results[1]).toEqual(results[0]);
  });

  it('of another model is refused', async () => {
    const trainer = await createTrainer(spec, 'wasm');
    const personal = { read: () => new Float32Array(3), write: () => undefined };
    await expect(
      trainer.train(trainer.initialWeights(), examples, settings, publicGenerator(1), { personal }),
    ).rejects.toMatchObject({ code: 'training.weights' });
  });
});

describe('adapters', () => {
  const spec = specOf({ ...dense, adapters: { rank: 2, scale: 3, layers: ['hidden_1'] } });

  it('begin as the model without them, train in its place, and are exported in its kernel', async () => {
    const trainer = await createTrainer(spec, 'wasm');
    expect(trainer.parameters).toBe(2 * (6 + 5) + 5 * 3 + 3);
    expect(trainer.parameters).toBe(countWeights(spec));
    const start = trainer.initialWeights();
    const plain = await createTrainer(specOf(dense), 'wasm');
    expect((await trainer.evaluate(start, examples)).loss).toBeCloseTo(
      (await plain.evaluate(plain.initialWeights(), examples)).loss,
      6,
    );
    const trained = await trainer.train(start, examples, { ...settings, epochs: 30 }, publicGenerator(1));
    const { accuracy } = await trainer.evaluate(trained, examples);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(trained.slice(12, 22)).not.toEqual(start.slice(12, 22));
    expect(await exportedAccuracy(spec, trained, examples)).toBe(accuracy);
  });
});

describe('a model from a file', () => {
  const build = (seed = 1) => {
    const kernelInitializer = tf.initializers.glorotUniform({ seed });
    return tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [6], units: 5, activation: 'tanh', name: 'base', kernelInitializer }),
        tf.layers.dense({ units: 3, name: 'head', kernelInitializer }),
      ],
    });
  };
  const specFor = async (path: string, more: Partial<ModelSpec>): Promise<ModelSpec> => {
    const { sha256 } = await readModelFiles(path);
    return modelSpecSchema.parse({
      kind: 'layers',
      inputs: 6,
      classes: 3,
      source: 'model.json',
      sha256,
      ...more,
    });
  };

  it('starts from its weights, with the roles that the job gives its layers', async () => {
    const model = build();
    const path = await saved(model);
    const spec = await specFor(path, { parameters: 18, frozen: ['base'] });
    const trainer = await createTrainer(spec, 'cpu', await modelFilesOf(spec, dirname(path)));
    const [kernel, bias] = model.layers[1]!.getWeights().map((weight) => weight.dataSync());
    expect(trainer.initialWeights()).toEqual(Float32Array.from([...kernel!, ...bias!]));
    const longer = { ...settings, epochs: 30 };
    const trained = await trainer.train(trainer.initialWeights(), examples, longer, publicGenerator(1));
    expect((await trainer.evaluate(trained, examples)).accuracy).toBeGreaterThan(0.8);
  });

  it('is refused when it is another, has other weights, or no such layer', async () => {
    const path = await saved(build());
    const other = await specFor(await saved(build(2)), { parameters: 53 });
    const model = await modelFilesOf(await specFor(path, { parameters: 53 }), dirname(path));
    for (const handed of [model, undefined]) {
      await expect(createTrainer(other, 'cpu', handed)).rejects.toMatchObject({
        code: 'training.model-file',
      });
    }
    await expect(modelFilesOf(other, dirname(path))).rejects.toMatchObject({ code: 'training.model-file' });
    for (const wrong of [{ parameters: 54 }, { parameters: 53, personal: ['tail'] }]) {
      await expect(createTrainer(await specFor(path, wrong), 'cpu', model)).rejects.toMatchObject({
        code: 'training.model',
      });
    }
  });
});

describe('the model of a job', () => {
  it.each([
    [{ convolutions: [{ filters: 2 }] }, 'image'],
    [{ image: { height: 2, width: 2 } }, 'image'],
    [{ image: { height: 2, width: 3 }, convolutions: [{ filters: 2, pool: 3 }] }, 'convolutions'],
    [{ frozen: ['hidden_1'] }, 'frozen'],
    [{ personal: ['classes'] }, 'personal'],
    [{ hidden: [{ units: 2 }], personal: ['hidden_1'], frozen: ['hidden_1'] }, 'personal'],
    [{ source: 'model.json' }, 'source'],
    [{ kind: 'layers' }, 'sha256'],
    [{ kind: 'layers', source: 'a', sha256: 'b', parameters: 2 }, 'sha256'],
    [{ adapters: { layers: [] } }, 'adapters'],
    [
      {
        image: { height: 2, width: 3 },
        convolutions: [{ filters: 2 }],
        adapters: { layers: ['convolution_1'] },
      },
      'adapters',
    ],
  ])('%o is refused', (more, field) => {
    const parsed = modelSpecSchema.safeParse({ inputs: 6, classes: 3, ...more });
    expect(parsed.error?.issues.map(({ path }) => path[0])).toContain(field);
  });
});
