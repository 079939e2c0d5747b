/**
 * What privacy for each example costs a training step, beside the plain step of the same model on the same backend:
 *
 *   npm run build && node bench/training.js [backend]
 *
 * Batches of 256 drawn as training draws them: a Poisson sample for the private step, whose optimizer, clipping and noise are all in the time. The
 * plain step is the loop of the federated trainer: forward, backward, SGD. Both take turns in one run; the median of all turns counts. Memory is the
 * peak of what tensors hold while a step runs, as TensorFlow.js counts it.
 */
import { loadavg } from 'node:os';
import { clippedSum, makePrivate } from '@tutti/client/dp';
import { publicGenerator } from '@tutti/client/training';
import { systemRandom } from '@tutti/shared/crypto/primitives';

const BATCH = 256;
const ROWS = 4096;
const TURNS = 30;

const models = {
  'MLP 784-128-10': (tf) => [
    tf.layers.inputLayer({ inputShape: [784] }),
    tf.layers.dense({ units: 128, activation: 'relu' }),
    tf.layers.dense({ units: 10 }),
  ],
  'CNN 3x3x8, pool, 3x3x16, pool, dense': (tf) => [
    tf.layers.inputLayer({ inputShape: [28, 28, 1] }),
    tf.layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 10 }),
  ],
};

const uniform = publicGenerator(1);
const data = {
  features: Float32Array.from({ length: ROWS * 784 }, uniform),
  labels: Int32Array.from({ length: ROWS }, () => Math.floor(uniform() * 10)),
  count: ROWS,
};

const backend = process.argv[2];
for (const [name, layers] of Object.entries(models)) {
  let tf;
  const training = await makePrivate({
    model: (library) => {
      tf = library;
      return tf.sequential({ layers: layers(tf) });
    },
    optimizer: (library) => library.train.sgd(0.01),
    data,
    batchSize: BATCH,
    epochs: 1000,
    noiseMultiplier: 1,
    maxGradNorm: 1,
    random: systemRandom,
    ...(backend === undefined ? {} : { backend }),
  });
  const { model } = training;
  const optimizer = tf.train.sgd(0.01);
  const shape = model.inputs[0].shape.slice(1);
  const batch = () => {
    const rows = Int32Array.from({ length: BATCH }, () => Math.floor(uniform() * ROWS));
    const values = new Float32Array(BATCH * 784);
    const classes = new Float32Array(BATCH * 10);
    rows.forEach((row, at) => {
      values.set(data.features.subarray(row * 784, (row + 1) * 784), at * 784);
      classes[at * 10 + data.labels[row]] = 1;
    });
    return { x: tf.tensor(values, [BATCH, ...shape]), targets: tf.tensor2d(classes, [BATCH, 10]) };
  };
  const plain = () =>
    tf.tidy(() => {
      const { x, targets } = batch();
      optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, model.apply(x, { training: true })));
    });
  const clip = () =>
    tf.tidy(() => {
      const { x, targets } = batch();
      clippedSum(tf, model, x, targets, 1);
    });
  // Reading a weight waits for what was computed.
  const settle = () => model.trainableWeights[0].read().dataSync();
  const ways = {
    'plain step': plain,
    'clipping alone': clip,
    'private step': () => training.step(),
  };
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  const memory = {};
  for (let turn = -3; turn < TURNS; turn++) {
    for (const [way, run] of Object.entries(ways)) {
      settle();
      const start = performance.now();
      await run();
      settle();
      if (turn >= 0) times[way].push(performance.now() - start);
    }
  }
  for (const [way, run] of Object.entries(ways)) memory[way] = await peakBytes(tf, run);
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  console.log(`${name}, batch ${BATCH}, ${training.backend} backend, load ${loadavg()[0].toFixed(2)}`);
  for (const way of Object.keys(ways)) {
    const time = median(times[way]);
    const ratio = (time / median(times['plain step'])).toFixed(2);
    const bytes = (memory[way] / 1e6).toFixed(1);
    const peak = (memory[way] / memory['plain step']).toFixed(2);
    console.log(
      `  ${way.padEnd(16)}${time.toFixed(2).padStart(8)} ms  ratio ${ratio}   peak ${bytes.padStart(6)} MB  ratio ${peak}`,
    );
  }
  training.dispose();
  optimizer.dispose();
}

/** The most bytes that tensors held at any time during `run`. Tensors that share their numbers count once. */
async function peakBytes(tf, run) {
  const engine = tf.engine();
  const known = new Map();
  const track = engine.trackTensor.bind(engine);
  const remove = engine.removeDataId.bind(engine);
  let held = 0;
  let peak = 0;
  engine.trackTensor = (tensor, backend) => {
    track(tensor, backend);
    if (known.has(tensor.dataId)) return;
    const bytes = tensor.size * 4;
    known.set(tensor.dataId, bytes);
    held += bytes;
    peak = Math.max(peak, held);
  };
  engine.removeDataId = (dataId, backend) => {
    remove(dataId, backend);
    held -= known.get(dataId) ?? 0;
    known.delete(dataId);
  };
  try {
    await run();
  } finally {
    delete engine.trackTensor;
    delete engine.removeDataId;
  }
  return peak;
}
