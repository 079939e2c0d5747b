import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { createTrainer, publicGenerator } from '@tutti/client/training';
import { clusters, specOf } from './support/models.js';

const loadedModules = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('@tensorflow'));

it('loads TensorFlow.js only when it is going to compute', async () => {
  const spec = specOf({ inputs: 4, classes: 2 });
  for (const choice of ['arrays', 'auto'] as const) {
    const trainer = await createTrainer(spec, choice);
    expect(trainer.backend).toBe('arrays');
    const settings = { epochs: 1, batchSize: 4, learningRate: 0.1 };
    await trainer.train(trainer.initialWeights(), clusters(8, 4, 2), settings, publicGenerator(1));
  }
  expect(loadedModules()).toEqual([]);
  await createTrainer(spec, 'cpu');
  expect(loadedModules()).not.toEqual([]);
});
