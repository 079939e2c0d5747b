/**
 * Example-level privacy on tabular medical data: diagnoses of breast tumours from measurements of cell nuclei (examples/jobs/breast-cancer.md says where the rows
 * come from). Logistic regression.
 * Run it from the root of a clone: node examples/dp/breast-cancer.js [ε]
 */
import { fileURLToPath } from 'node:url';
import { readCsv } from '@tutti/client/data';
import { makePrivateWithEpsilon } from '@tutti/client/dp';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { everyFifthApart } from './held-out.js';

const file = fileURLToPath(new URL('../jobs/breast-cancer.csv', import.meta.url));
const all = await readCsv(file, { label: 'malignant', classes: 2, offset: 0.3, scale: 1 });
const { train, heldOut } = everyFifthApart(all);
const targetEpsilon = Number(process.argv[2] ?? 3);
const targetDelta = 1e-4; // below one in ten times the 456 rows

const training = await makePrivateWithEpsilon({
  model: (tf) =>
    tf.sequential({ layers: [tf.layers.dense({ inputShape: [30], units: 2, kernelInitializer: 'zeros' })] }),
  optimizer: (tf) => tf.train.sgd(2),
  data: train,
  batchSize: 64,
  epochs: 20,
  targetEpsilon,
  targetDelta,
  maxGradNorm: 1,
  random: systemRandom,
});
while (training.stepsLeft > 0) await training.epoch();
const { loss, accuracy } = await training.evaluate(heldOut);
console.log(
  `loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)}% on ${heldOut.count} held-out rows, ε ${training.epsilon(targetDelta).toFixed(3)} at δ ${targetDelta}`,
);
training.dispose();
