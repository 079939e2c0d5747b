import { describe, expect, it } from 'vitest';
import { createTrainer, publicGenerator, type Examples, type Trainer } from '@tutti/client/training';
import { clusters, randomWeights, specOf } from './support/models.js';
import { referenceGradient, referenceLoss, relativeDifference } from './support/reference-loss.js';

const settings = { epochs: 2, batchSize: 8, learningRate: 0.1 };
const small = specOf({ inputs: 5, classes: 3 });

/** A generator that never changes the order: each draw picks the last place, which swaps a row with itself. */
const inOrder = () => 1 - 2 ** -53;

/** The gradient of the loss at `weights`, as one step over all rows shows it. */
async function gradientOf(
  trainer: Trainer,
  weights: Float32Array,
  examples: Examples,
): Promise<Float64Array> {
  const one = { epochs: 1, batchSize: examples.count, learningRate: 1 };
  const moved = await trainer.train(weights, examples, one, inOrder);
  return Float64Array.from(weights, (before, at) => before - moved[at]!);
}

describe('the arrays backend', () => {
  const activations = ['linear', 'relu', 'tanh', 'sigmoid'] as const;
  it.each(activations)(
    'has right gradients through %s layers, against finite differences',
    async (activation) => {
      // Widths and row counts that are no multiples of the four terms which the kernels add at once.
      for (const [inputs, first, second, classes, rows] of [
        [5, 7, 6, 3, 9],
        [8, 4, 4, 4, 8],
        [1, 2, 1, 2, 3],
      ] as const) {
        const spec = specOf({
          inputs,
          classes,
          hidden: [
            { units: first, activation },
            { units: second, activation },
          ],
        });
        const trainer = await createTrainer(spec, 'arrays');
        const weights = randomWeights(trainer.parameters);
        const examples = clusters(rows, inputs, classes);
        const gradient = await gradientOf(trainer, weights, examples);
        expect(relativeDifference(gradient, referenceGradient(spec, weights, examples))).toBeLessThan(1e-5);
      }
    },
  );

  it('has right gradients for softmax regression with many zero features', async () => {
    const trainer = await createTrainer(small, 'arrays');
    const examples = clusters(11, 5, 3);
    const sparse = { ...examples, features: examples.features.map((x) => (x < 0.4 ? 0 : x)) };
    const weights = randomWeights(trainer.parameters);
    const gradient = await gradientOf(trainer, weights, sparse);
    expect(relativeDifference(gradient, referenceGradient(small, weights, sparse))).toBeLessThan(1e-5);
  });

  it('takes one step of SGD a batch', async () => {
    const trainer = await createTrainer(small, 'arrays');
    const examples = clusters(7, 5, 3);
    const weights = randomWeights(trainer.parameters);
    const expected = Float64Array.from(weights);
    for (let start = 0; start < 7; start += 3) {
      const count = Math.min(3, 7 - start);
      const batch = {
        features: examples.features.subarray(start * 5, (start + count) * 5),
        labels: examples.labels.subarray(start, start + count),
        count,
      };
      const gradient = referenceGradient(small, expected, batch);
      gradient.forEach((value, at) => (expected[at]! -= 0.3 * value));
    }
    const trained = await trainer.train(
      weights,
      examples,
      { epochs: 1, batchSize: 3, learningRate: 0.3 },
      inOrder,
    );
    expect(relativeDifference(trained, expected)).toBeLessThan(1e-5);
  });

  it('evaluates the loss as defined, over more rows than one batch holds', async () => {
    const spec = specOf({ inputs: 4, classes: 3, hidden: [{ units: 5, activation: 'tanh' }] });
    const trainer = await createTrainer(spec, 'arrays');
    const weights = randomWeights(trainer.parameters);
    const examples = clusters(600, 4, 3);
    const { loss } = await trainer.evaluate(weights, examples);
    expect(loss).toBeCloseTo(referenceLoss(spec, weights, examples), 5);
  });

  it('counts a row as correct when its label is the most probable class, the first of equals', async () => {
    const spec = specOf({ inputs: 1, classes: 3 });
    const trainer = await createTrainer(spec, 'arrays');
    const three = (labels: number[]) => ({
      features: Float32Array.of(1, 1, 1),
      labels: Int32Array.from(labels),
      count: 3,
    });
    expect((await trainer.evaluate(new Float32Array(6), three([0, 1, 2]))).accuracy).toBeCloseTo(1 / 3, 12);
    const preferSecond = Float32Array.of(0, 1, 0, 0, 0, 0);
    expect((await trainer.evaluate(preferSecond, three([1, 1, 2]))).accuracy).toBeCloseTo(2 / 3, 12);
  });

  it('keeps the loss finite when a probability underflows', async () => {
    const spec = specOf({ inputs: 1, classes: 2 });
    const trainer = await createTrainer(spec, 'arrays');
    const sure = Float32Array.of(1000, -1000, 0, 0);
    const wrong = { features: Float32Array.of(1), labels: Int32Array.of(1), count: 1 };
    const { loss } = await trainer.evaluate(sure, wrong);
    expect(loss).toBeCloseTo(126 * Math.LN2, 5);
    const trained = await trainer.train(sure, wrong, settings, inOrder);
    expect(trained.every(Number.isFinite)).toBe(true);
  });

  it('learns, starting from equal probabilities', async () => {
    const spec = specOf({ inputs: 6, classes: 4, hidden: [{ units: 8, activation: 'relu' }] });
    const trainer = await createTrainer(spec, 'arrays');
    const examples = clusters(200, 6, 4);
    const before = await trainer.evaluate(trainer.initialWeights(), examples);
    expect(before.loss).toBeCloseTo(Math.log(4), 6);
    const many = { epochs: 30, batchSize: 16, learningRate: 0.3 };
    const trained = await trainer.train(trainer.initialWeights(), examples, many, publicGenerator(3));
    const after = await trainer.evaluate(trained, examples);
    expect(after.accuracy).toBeGreaterThan(0.98);
    expect(after.loss).toBeLessThan(0.2);
  });

  it('gives the same bits for the same draws, whatever it trained in between, and others for other draws', async () => {
    const trainer = await createTrainer(small, 'arrays');
    const examples = clusters(40, 5, 3);
    const start = randomWeights(trainer.parameters);
    const first = await trainer.train(start, examples, settings, publicGenerator(1));
    await trainer.train(
      randomWeights(trainer.parameters, 9),
      clusters(90, 5, 3, 8),
      settings,
      publicGenerator(7),
    );
    await trainer.evaluate(start, clusters(50, 5, 3));
    expect(await trainer.train(start, examples, settings, publicGenerator(1))).toEqual(first);
    const other = await createTrainer(small, 'arrays');
    expect(await other.train(start, examples, settings, publicGenerator(1))).toEqual(first);
    expect(await trainer.train(start, examples, settings, publicGenerator(2))).not.toEqual(first);
  });

  it('leaves the given weights and examples as they are, and returns memory of its own', async () => {
    const trainer = await createTrainer(small, 'arrays');
    const examples = clusters(10, 5, 3);
    const copies = { weights: randomWeights(trainer.parameters), features: examples.features.slice() };
    const weights = copies.weights.slice();
    const first = await trainer.train(weights, examples, settings, publicGenerator(1));
    const kept = first.slice();
    await trainer.train(weights, clusters(10, 5, 3, 5), settings, publicGenerator(1));
    expect(weights).toEqual(copies.weights);
    expect(examples.features).toEqual(copies.features);
    expect(first).toEqual(kept);
  });

  it('returns the weights unchanged when there are no rows', async () => {
    const trainer = await createTrainer(small, 'arrays');
    const weights = randomWeights(trainer.parameters);
    const none = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 };
    expect(await trainer.train(weights, none, settings, inOrder)).toEqual(weights);
    await expect(trainer.evaluate(weights, none)).rejects.toMatchObject({ code: 'training.examples' });
  });

  it('draws the same initial weights everywhere: Glorot for hidden layers, zero for biases and the last layer', async () => {
    const spec = specOf({ inputs: 50, classes: 4, hidden: [{ units: 30, activation: 'relu' }], seed: 11 });
    const weights = (await createTrainer(spec, 'arrays')).initialWeights();
    expect((await createTrainer(spec, 'arrays')).initialWeights()).toEqual(weights);
    const kernel = weights.subarray(0, 1500);
    const limit = Math.sqrt(6 / 80);
    const variance = kernel.reduce((sum, w) => sum + w * w, 0) / 1500;
    expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(Math.fround(limit));
    expect(variance / (limit ** 2 / 3)).toBeCloseTo(1, 1);
    expect(weights.subarray(1500).every((w) => w === 0)).toBe(true);
    const other = (await createTrainer({ ...spec, seed: 12 }, 'arrays')).initialWeights();
    expect(other).not.toEqual(weights);
  });

  it.each([
    ['weights of another length', { weights: new Float32Array(17) }, 'training.weights'],
    ['rows of another width', { features: new Float32Array(9) }, 'training.examples'],
    ['fewer labels than rows', { labels: Int32Array.of(0) }, 'training.examples'],
    ['a label that is too large', { labels: Int32Array.of(0, 3) }, 'training.examples'],
    ['a negative label', { labels: Int32Array.of(0, -1) }, 'training.examples'],
    ['no epoch', { epochs: 0 }, 'training.settings'],
    ['half an epoch', { epochs: 0.5 }, 'training.settings'],
    ['an empty batch', { batchSize: 0 }, 'training.settings'],
    ['an infinite batch', { batchSize: Infinity }, 'training.settings'],
    ['a learning rate of zero', { learningRate: 0 }, 'training.settings'],
    ['a learning rate that is no number', { learningRate: NaN }, 'training.settings'],
  ])('refuses %s', async (_, wrong, code) => {
    const trainer = await createTrainer(small, 'arrays');
    const { weights, features, labels, ...rest } = {
      weights: new Float32Array(18),
      features: new Float32Array(10),
      labels: Int32Array.of(0, 1),
      ...settings,
      ...wrong,
    };
    await expect(trainer.train(weights, { features, labels, count: 2 }, rest, inOrder)).rejects.toMatchObject(
      { code },
    );
  });
});
