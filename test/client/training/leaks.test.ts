import tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { createTrainer, publicGenerator } from '@tutti/client/training';
import { clusters, specOf } from './support/models.js';

it.each(['wasm', 'cpu'] as const)('a thousand rounds leave no tensor behind on %s', async (backend) => {
  const spec = specOf({ inputs: 4, classes: 3, hidden: [{ units: 5, activation: 'relu' }] });
  const trainer = await createTrainer(spec, backend);
  const examples = clusters(12, 4, 3);
  const settings = { epochs: 1, batchSize: 6, learningRate: 0.1, optimiser: 'adam' } as const;
  let weights = trainer.initialWeights();
  const round = async (seed: number) => {
    weights = await trainer.train(weights, examples, settings, publicGenerator(seed));
    if (seed % 100 === 0) await trainer.evaluate(weights, examples);
  };
  await round(0);
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  for (let seed = 1; seed <= 1000; seed++) await round(seed);
  expect(tf.memory()).toMatchObject({ numTensors, numBytes, numDataBuffers });
  trainer.dispose();
});
