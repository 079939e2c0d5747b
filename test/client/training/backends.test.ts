import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createTrainer, describeBackends, publicGenerator, type BackendReport } from '@tutti/client/training';
import { clusters, randomWeights, specOf } from './support/models.js';
import { relativeDifference } from './support/reference-loss.js';

const handlers = () =>
  ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
const handlersBefore = handlers();
const reports = await describeBackends();
const handlersAfter = handlers();
const names = ['wasm', 'cpu', 'native'] as const;
const reportOf = (name: string): BackendReport => reports.find(({ backend }) => backend === name)!;

const specs = {
  'softmax regression': specOf({ inputs: 7, classes: 5 }),
  'two hidden layers': specOf({
    inputs: 7,
    classes: 5,
    hidden: [
      { units: 9, activation: 'relu' },
      { units: 6, activation: 'tanh' },
    ],
  }),
  'a sigmoid layer': specOf({ inputs: 7, classes: 5, hidden: [{ units: 8, activation: 'sigmoid' }] }),
};

describe.each(names)('the %s backend', (name) => {
  const { available, reason } = reportOf(name);
  const when = it.skipIf(!available);

  it(available ? 'is available' : `is not available, and says why: ${reason}`, () => {
    const { remedy } = reportOf(name);
    if (available) expect(reason).toBeUndefined();
    else expect(`${reason}${remedy}`.length).toBeGreaterThan(20);
  });

  when.each(Object.entries(specs))('trains and evaluates as the arrays backend does: %s', async (_, spec) => {
    const arrays = await createTrainer(spec, 'arrays');
    const trainer = await createTrainer(spec, name);
    expect(trainer.backend).toBe(name);
    expect(trainer.parameters).toBe(arrays.parameters);
    expect(trainer.initialWeights()).toEqual(arrays.initialWeights());
    const examples = clusters(45, 7, 5);
    const settings = { epochs: 5, batchSize: 8, learningRate: 0.2 };
    const start = randomWeights(arrays.parameters);
    const expected = await arrays.train(start, examples, settings, publicGenerator(3));
    const actual = await trainer.train(start, examples, settings, publicGenerator(3));
    expect(relativeDifference(actual, expected)).toBeLessThan(1e-5);
    const [here, there] = [await trainer.evaluate(actual, examples), await arrays.evaluate(actual, examples)];
    const [own, reference] = [
      await trainer.predict!(actual, examples),
      await arrays.predict!(actual, examples),
    ];
    expect(own).toHaveLength(reference.length);
    own.forEach((probability, at) => expect(Math.abs(probability - reference[at]!)).toBeLessThan(1e-4));
    expect(here.loss).toBeCloseTo(there.loss, 5);
    expect(here.accuracy).toBe(there.accuracy);
    trainer.dispose();
  });

  when('leaves no tensor behind, over rounds and after it is disposed of', async () => {
    const spec = specs['two hidden layers'];
    const before = tf.memory().numTensors;
    const trainer = await createTrainer(spec, name);
    const examples = clusters(20, 7, 5);
    const settings = { epochs: 2, batchSize: 8, learningRate: 0.1 };
    let weights = trainer.initialWeights();
    const counts = new Set<number>();
    for (let round = 0; round < 20; round++) {
      weights = await trainer.train(weights, examples, settings, publicGenerator(round));
      await trainer.evaluate(weights, examples);
      counts.add(tf.memory().numTensors);
    }
    expect([...counts]).toEqual([before + 6]);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  when('runs calls that overlap one after the other', async () => {
    const spec = specs['softmax regression'];
    const trainer = await createTrainer(spec, name);
    const settings = { epochs: 3, batchSize: 4, learningRate: 0.1 };
    const start = trainer.initialWeights();
    const run = (seed: number) =>
      trainer.train(start, clusters(30, 7, 5, seed), settings, publicGenerator(seed));
    const overlapping = await Promise.all([run(1), run(2), run(1)]);
    expect(overlapping[0]).toEqual(await run(1));
    expect(overlapping[1]).toEqual(await run(2));
    expect(overlapping[2]).toEqual(overlapping[0]);
    trainer.dispose();
  });

  when('goes on after a call that was refused', async () => {
    const trainer = await createTrainer(specs['softmax regression'], name);
    const settings = { epochs: 1, batchSize: 4, learningRate: 0.1 };
    const examples = clusters(4, 7, 5);
    const wrong = new Float32Array(3);
    await expect(trainer.train(wrong, examples, settings, publicGenerator(1))).rejects.toMatchObject({
      code: 'training.weights',
    });
    const weights = await trainer.train(trainer.initialWeights(), examples, settings, publicGenerator(1));
    expect(weights).toHaveLength(trainer.parameters);
    trainer.dispose();
  });
});

it('lets trainers on two backends take turns in one process', async () => {
  const spec = specs['two hidden layers'];
  const [wasm, cpu] = [await createTrainer(spec, 'wasm'), await createTrainer(spec, 'cpu')];
  const examples = clusters(60, 7, 5);
  const settings = { epochs: 20, batchSize: 4, learningRate: 0.1 };
  const train = (trainer: typeof wasm) =>
    trainer.train(trainer.initialWeights(), examples, settings, publicGenerator(6));
  const [first, second] = await Promise.all([train(wasm), train(cpu)]);
  expect(relativeDifference(first, second)).toBeLessThan(1e-4);
  wasm.dispose();
  cpu.dispose();
});

it('lets auto pick arrays for small models and the fastest TensorFlow.js backend for large ones', async () => {
  const large = await createTrainer(specOf({ inputs: 500, classes: 100 }), 'auto');
  expect(large.backend).toBe(reportOf('native').available ? 'native' : 'wasm');
  large.dispose();
  const small = await createTrainer(specOf({ inputs: 490, classes: 100 }), 'auto');
  expect(small.backend).toBe('arrays');
});

it.skipIf(reportOf('native').available)('refuses a backend that is not there, with a remedy', async () => {
  await expect(createTrainer(specs['softmax regression'], 'native')).rejects.toMatchObject({
    code: 'training.backend',
    remedy: expect.stringContaining('@tensorflow/tfjs-node') as string,
  });
});

it('leaves the errors of the rest of the program alone', () => {
  expect(handlersAfter).toEqual(handlersBefore);
});
