import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  createLayersTrainer,
  publicGenerator,
  type Examples,
  type ModelBuilder,
} from '@tutti/client/training';
import { clusters } from './support/models.js';

const settings = { epochs: 6, batchSize: 10, learningRate: 0.2 };

/** Images of 6 x 6 with a bright row or a bright column. */
function bars(count: number): Examples {
  const uniform = publicGenerator(4);
  const features = Float32Array.from({ length: count * 36 }, () => 0.2 * uniform());
  const labels = Int32Array.from({ length: count }, (_, row) => row % 2);
  for (let row = 0; row < count; row++) {
    const place = Math.floor(uniform() * 6);
    for (let at = 0; at < 6; at++)
      features[row * 36 + (labels[row] === 0 ? place * 6 + at : at * 6 + place)] = 1;
  }
  return { features, labels, count };
}

const convolutional: ModelBuilder = (library) =>
  library.sequential({
    layers: [
      library.layers.conv2d({
        inputShape: [6, 6, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: library.initializers.glorotUniform({ seed: 3 }),
      }),
      library.layers.globalMaxPooling2d({}),
      library.layers.dense({ units: 2, kernelInitializer: library.initializers.glorotUniform({ seed: 5 }) }),
    ],
  });

describe('createLayersTrainer', () => {
  it('trains a convolutional model on the backend that is fastest here', async () => {
    const trainer = await createLayersTrainer(convolutional);
    expect(['native', 'wasm']).toContain(trainer.backend);
    expect(trainer.parameters).toBe(4 * 9 + 4 + 4 * 2 + 2);
    const examples = bars(80);
    const start = trainer.initialWeights();
    const before = await trainer.evaluate(start, examples);
    const trained = await trainer.train(start, examples, { ...settings, epochs: 30 }, publicGenerator(1));
    const after = await trainer.evaluate(trained, examples);
    expect(after.loss).toBeLessThan(before.loss / 2);
    expect(after.accuracy).toBeGreaterThan(0.9);
    expect(await trainer.train(start, examples, { ...settings, epochs: 30 }, publicGenerator(1))).toEqual(
      trained,
    );
    trainer.dispose();
  });

  it('leaves frozen layers as they are, and out of the weights', async () => {
    let model: tf.LayersModel | undefined;
    const trainer = await createLayersTrainer((library) => {
      model = library.sequential({
        layers: [
          library.layers.dense({ inputShape: [4], units: 5, trainable: false }),
          library.layers.dense({ units: 3 }),
        ],
      });
      return model;
    }, 'cpu');
    expect(trainer.parameters).toBe(5 * 3 + 3);
    const frozen = model!.layers[0]!.getWeights()[0]!.dataSync();
    const examples = clusters(40, 4, 3);
    const start = trainer.initialWeights();
    const trained = await trainer.train(start, examples, settings, publicGenerator(1));
    expect(trained).not.toEqual(start);
    expect(model!.layers[0]!.getWeights()[0]!.dataSync()).toEqual(frozen);
    trainer.dispose();
  });

  it('keeps memory flat over a thousand rounds', async () => {
    const trainer = await createLayersTrainer(convolutional, 'wasm');
    const examples = bars(4);
    let weights = trainer.initialWeights();
    const before = tf.memory().numTensors;
    const one = { epochs: 1, batchSize: 4, learningRate: 0.1 };
    for (let round = 0; round < 1000; round++) {
      weights = await trainer.train(weights, examples, one, publicGenerator(round));
    }
    expect(tf.memory().numTensors).toBe(before);
    expect(weights.every(Number.isFinite)).toBe(true);
    trainer.dispose();
  });

  it.each<[string, ModelBuilder, RegExp]>([
    [
      'two outputs',
      (library) => {
        const input = library.input({ shape: [4] });
        const outputs = [1, 2].map(
          () => library.layers.dense({ units: 2 }).apply(input) as tf.SymbolicTensor,
        );
        return library.model({ inputs: input, outputs });
      },
      /2 outputs/,
    ],
    [
      'an output for each position',
      (library) => library.sequential({ layers: [library.layers.dense({ inputShape: [3, 4], units: 2 })] }),
      /one row of logits/,
    ],
    [
      'one output only',
      (library) => library.sequential({ layers: [library.layers.dense({ inputShape: [4], units: 1 })] }),
      /one row of logits/,
    ],
    [
      'a softmax',
      (library) =>
        library.sequential({
          layers: [library.layers.dense({ inputShape: [4], units: 2, activation: 'softmax' })],
        }),
      /applies a softmax/,
    ],
    [
      'batch normalization in a model within the model',
      (library) => {
        const inner = library.sequential({
          layers: [library.layers.batchNormalization({ inputShape: [4] })],
        });
        return library.sequential({ layers: [inner, library.layers.dense({ units: 2 })] });
      },
      /moving statistics/,
    ],
  ])('refuses %s, and leaves nothing behind', async (_, build, message) => {
    const before = tf.memory().numTensors;
    await expect(createLayersTrainer(build, 'cpu')).rejects.toMatchObject({
      code: 'training.model',
      message: expect.stringMatching(message) as string,
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
