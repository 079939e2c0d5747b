/**
 * Example-level privacy outside a federation: one party trains a classifier on its own rows so that the model says little about any one of them.
 * Run it from the root of a clone: node examples/dp/digits.js
 */
import { fileURLToPath } from 'node:url';
import { readCsv } from '@tutti/client/data';
import { makePrivateWithEpsilon } from '@tutti/client/dp';
import { systemRandom } from '@tutti/shared/crypto/primitives';

const file = fileURLToPath(new URL('../../packages/simulation/data/digits.csv', import.meta.url));
const data = await readCsv(file, { label: 'label', classes: 10, scale: 16 });
const targetDelta = 1e-5;

const training = await makePrivateWithEpsilon({
  model: (tf) => tf.sequential({ layers: [tf.layers.dense({ inputShape: [64], units: 10 })] }),
  optimizer: (tf) => tf.train.sgd(4),
  data,
  batchSize: 128,
  epochs: 20,
  targetEpsilon: 3,
  targetDelta,
  maxGradNorm: 1,
  random: systemRandom,
});
console.log(`noise multiplier ${training.noiseMultiplier.toFixed(3)}`);
for (let epoch = 1; epoch <= 20; epoch++) {
  await training.epoch();
  const { loss, accuracy } = await training.evaluate(data);
  const epsilon = training.epsilon(targetDelta).toFixed(2);
  console.log(
    `epoch ${epoch}: loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)}%, ε ${epsilon} at δ ${targetDelta}`,
  );
}
training.dispose();
