/**
 * Example-level privacy outside a federation: one party trains a classifier on its own rows so that the model says little about any one of them.
 * Run it from the root of a clone: node examples/dp/digits.js [ε]
 */
import { fileURLToPath } from 'node:url';
import { readCsv } from '@tutti/client/data';
import { makePrivateWithEpsilon } from '@tutti/client/dp';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { everyFifthApart } from './held-out.js';

const file = fileURLToPath(new URL('../../packages/simulation/data/digits.csv', import.meta.url));
const all = await readCsv(file, { label: 'label', classes: 10, scale: 16 });
const { train, heldOut } = everyFifthApart(all);
const targetEpsilon = Number(process.argv[2] ?? 3);
const targetDelta = 1e-5;

const training = await makePrivateWithEpsilon({
  model: (tf) => tf.sequential({ layers: [tf.layers.dense({ inputShape: [64], units: 10 })] }),
  optimizer: (tf) => tf.train.sgd(4),
  data: train,
  batchSize: 128,
  epochs: 20,
  targetEpsilon,
  targetDelta,
  maxGradNorm: 1,
  random: systemRandom,
});
console.log(`noise multiplier ${training.noiseMultiplier.toFixed(3)}, ${training.backend} backend`);
for (let epoch = 1; training.stepsLeft > 0; epoch++) {
  await training.epoch();
  const { loss, accuracy } = await training.evaluate(heldOut);
  const epsilon = training.epsilon(targetDelta).toFixed(3);
  console.log(
    `epoch ${epoch}: loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)}% on held-out rows, ε ${epsilon} at δ ${targetDelta}`,
  );
}
training.dispose();
