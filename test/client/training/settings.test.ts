import { describe, expect, it } from 'vitest';
import {
  createTrainer,
  publicGenerator,
  type TrainingProgress,
  type TrainingSettings,
} from '@tutti/client/training';
import { clusters, randomWeights, specOf } from './support/models.js';
import { referenceGradient, relativeDifference } from './support/reference-loss.js';

const spec = specOf({ inputs: 3, classes: 3, hidden: [{ units: 4, activation: 'tanh' }] });
const examples = clusters(20, 3, 3);
/** One batch a pass, so that the gradient of a step is that of all rows. */
const whole = { epochs: 4, batchSize: 20, learningRate: 0.1 };
const backends = ['arrays', 'wasm', 'cpu'] as const;

/** Full-batch training in double precision, from the formulas of the papers. */
function reference(start: Float32Array, settings: TrainingSettings): Float64Array {
  const weights = Float64Array.from(start);
  const { learningRate, optimiser = 'sgd', momentum = 0.9, weightDecay = 0, proximal = 0 } = settings;
  const { maximumGradientNorm = Infinity } = settings;
  const first = new Float64Array(weights.length);
  const second = new Float64Array(weights.length);
  for (let step = 1; step <= settings.epochs; step++) {
    const slope = referenceGradient(spec, weights, examples);
    const norm = Math.hypot(...slope);
    weights.forEach((weight, at) => {
      const g = slope[at]! * Math.min(1, maximumGradientNorm / norm) + proximal * (weight - start[at]!);
      first[at] = momentum * first[at]! + (optimiser === 'adam' ? 1 - momentum : 1) * g;
      second[at] = 0.999 * second[at]! + 0.001 * g * g;
      const direction = {
        sgd: g,
        momentum: first[at],
        adam: first[at] / (1 - momentum ** step) / (Math.sqrt(second[at] / (1 - 0.999 ** step)) + 1e-8),
      }[optimiser];
      weights[at] = weight * (1 - learningRate * weightDecay) - learningRate * direction;
    });
  }
  return weights;
}

describe.each(backends)('on %s', (backend) => {
  it.each<[string, Partial<TrainingSettings>]>([
    ['SGD', {}],
    ['momentum', { optimiser: 'momentum', momentum: 0.8 }],
    ['Adam', { optimiser: 'adam', learningRate: 0.01 }],
    ['weight decay', { weightDecay: 0.5 }],
    ['the proximal term', { proximal: 3 }],
    ['a largest gradient norm', { maximumGradientNorm: 0.05 }],
    ['all at once', { optimiser: 'adam', weightDecay: 0.1, proximal: 0.5, maximumGradientNorm: 0.1 }],
  ])('%s does what its formula says', async (_, settings) => {
    const trainer = await createTrainer(spec, backend);
    const start = randomWeights(trainer.parameters);
    const all = { ...whole, ...settings };
    const trained = await trainer.train(start, examples, all, publicGenerator(1));
    const moved = trained.map((weight, at) => weight - start[at]!);
    const expected = reference(start, all).map((weight, at) => weight - start[at]!);
    expect(relativeDifference(moved, expected)).toBeLessThan(2e-4);
  });

  it('class weights do what repeated rows do', async () => {
    const trainer = await createTrainer(spec, backend);
    const start = randomWeights(trainer.parameters);
    const rows = Array.from(examples.labels.keys()).flatMap((row) =>
      examples.labels[row] === 1 ? [row, row] : [row],
    );
    const repeated = {
      count: rows.length,
      labels: Int32Array.from(rows, (row) => examples.labels[row]!),
      features: Float32Array.from(
        rows.flatMap((row) => [...examples.features.subarray(3 * row, 3 * row + 3)]),
      ),
    };
    const one = { ...whole, epochs: 1, batchSize: 100 };
    const expected = await trainer.train(start, repeated, one, publicGenerator(1));
    // The mean is over rows, of which there are fewer here.
    const learningRate = (one.learningRate * examples.count) / repeated.count;
    const settings = { ...one, learningRate, classWeights: [1, 2, 1] };
    const actual = await trainer.train(start, examples, settings, publicGenerator(1));
    expect(relativeDifference(actual, expected)).toBeLessThan(1e-6);
  });
});

describe('a training', () => {
  const settings = { epochs: 50, batchSize: 5, learningRate: 0.1 };

  it('tells how far it is after each pass, and its loss falls', async () => {
    const trainer = await createTrainer(spec, 'arrays');
    const told: TrainingProgress[] = [];
    await trainer.train(trainer.initialWeights(), examples, settings, publicGenerator(1), {
      progress: (progress) => told.push(progress),
    });
    expect(told.map(({ epoch, steps }) => [epoch, steps])).toEqual(
      Array.from({ length: 50 }, (_, at) => [at + 1, 4 * (at + 1)]),
    );
    expect(told[0]!.loss).toBeCloseTo(Math.log(3), 1);
    expect(told[49]!.loss).toBeLessThan(told[0]!.loss / 2);
  });

  it('stops when its loss no longer falls by enough', async () => {
    const trainer = await createTrainer(spec, 'arrays');
    const told: TrainingProgress[] = [];
    const train = (earlyStop: TrainingSettings['earlyStop']) => {
      told.length = 0;
      return trainer.train(
        trainer.initialWeights(),
        examples,
        { ...settings, earlyStop },
        publicGenerator(1),
        { progress: (progress) => told.push(progress) },
      );
    };
    await train({ patience: 2, improvement: 100 });
    // The first pass is always an improvement, on nothing.
    expect(told).toHaveLength(3);
    await train({ patience: 1, improvement: 0.05 });
    expect(told.length).toBeGreaterThan(3);
    expect(told.length).toBeLessThan(50);
  });

  it.each(['arrays', 'wasm'] as const)(
    'ends soon after its signal on %s, and the next is untouched by it',
    async (backend) => {
      const trainer = await createTrainer(spec, backend);
      const start = trainer.initialWeights();
      const abort = new AbortController();
      let passes = 0;
      const endless = trainer.train(start, examples, { ...settings, epochs: 1_000_000 }, publicGenerator(1), {
        signal: abort.signal,
        progress: () => {
          if (++passes === 3) abort.abort(new Error('enough'));
        },
      });
      const next = trainer.train(start, examples, { ...settings, epochs: 2 }, publicGenerator(1));
      await expect(endless).rejects.toThrow('enough');
      expect(await next).toEqual(
        await trainer.train(start, examples, { ...settings, epochs: 2 }, publicGenerator(1)),
      );
      await expect(
        trainer.train(start, examples, settings, publicGenerator(1), { signal: abort.signal }),
      ).rejects.toThrow('enough');
    },
  );

  it.each<[string, Partial<TrainingSettings>]>([
    ['momentum', { momentum: 1 }],
    ['weightDecay', { weightDecay: -1 }],
    ['proximal', { proximal: NaN }],
    ['maximumGradientNorm', { maximumGradientNorm: 0 }],
    ['classWeights', { classWeights: [1, 1] }],
    ['class weight', { classWeights: [1, 1, -1] }],
    ['patience', { earlyStop: { patience: 0, improvement: 0 } }],
  ])('is refused for a wrong %s', async (name, wrong) => {
    const trainer = await createTrainer(spec, 'arrays');
    await expect(
      trainer.train(trainer.initialWeights(), examples, { ...settings, ...wrong }, publicGenerator(1)),
    ).rejects.toThrow(
      expect.objectContaining({
        code: 'training.settings',
        message: expect.stringContaining(name) as string,
      }),
    );
  });
});
