import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { describeBackends, publicGenerator } from '@tutti/client/training';
import { useBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { clippedSum } from '../../../packages/client/src/dp/clip.js';
import { linear, linearOnce } from '../../../packages/client/src/dp/rules/contribution.js';

const backends = (await describeBackends())
  .filter(({ available, backend }) => available && backend !== 'arrays')
  .map(({ backend }) => backend as Parameters<typeof useBackend>[1]);
const uniform = publicGenerator(5);
const around = (size: number): number => (2 * uniform() - 1) * size;

/** Layers that read two positions or more, each with so few that norms come from Gram matrices. */
const layers: Readonly<Record<string, { shape: number[]; layer: () => tf.layers.Layer }>> = {
  'dense on a sequence': { shape: [2, 9], layer: () => tf.layers.dense({ units: 5, inputShape: [2, 9] }) },
  conv1d: {
    shape: [2, 9],
    layer: () => tf.layers.conv1d({ filters: 5, kernelSize: 1, inputShape: [2, 9] }),
  },
  conv2d: {
    shape: [1, 2, 9],
    layer: () => tf.layers.conv2d({ filters: 5, kernelSize: 1, inputShape: [1, 2, 9] }),
  },
  'simple RNN': {
    shape: [2, 9],
    layer: () => tf.layers.simpleRNN({ units: 5, returnSequences: true, inputShape: [2, 9] }),
  },
  GRU: {
    shape: [2, 9],
    layer: () => tf.layers.gru({ units: 5, returnSequences: true, inputShape: [2, 9] }),
  },
  LSTM: {
    shape: [2, 9],
    layer: () => tf.layers.lstm({ units: 5, returnSequences: true, inputShape: [2, 9] }),
  },
};

describe.each(backends)('weights and rows contrived to hide a norm, %s', (backend) => {
  it.each(Object.keys(layers))('cannot get a gradient of %s past the clip norm', (name) => {
    useBackend(tf, backend);
    const { shape, layer } = layers[name] ?? { shape: [], layer: () => tf.layers.flatten() };
    const first = layer();
    const last = tf.layers.dense({ units: 2, useBias: false });
    const model = tf.sequential({ layers: [first, tf.layers.flatten(), last] });
    for (let trial = 0; trial < 8; trial++) {
      tf.tidy(() => {
        // No activation saturates, and the two positions get opposite gradients: what is left is their small difference.
        first.setWeights(first.getWeights().map((weight) => tf.zerosLike(weight)));
        const half = Array.from({ length: 5 }, () => [around(1e3), around(1e3)]);
        last.setWeights([tf.tensor2d([...half, ...half.map((row) => row.map((value) => -value))])]);
        const base = Array.from({ length: 9 }, () => around(1e4));
        const rows = [...base, ...base.map((value) => value * (1 + around(1e-6)))];
        const x = tf.tensor(rows, [1, ...shape]);
        // One more tap would hide the size of this one: only the first layer trains.
        last.trainable = false;
        const { gradients } = clippedSum(tf, model, x, tf.tensor2d([[1, 0]]), 1);
        const squares = gradients.map((gradient) => gradient.square().sum().dataSync<'float32'>()[0] ?? NaN);
        expect(Math.sqrt(squares.reduce((a, b) => a + b, 0))).toBeLessThanOrEqual(1 + 1e-4);
      });
    }
    model.dispose();
  });

  it('count a norm from Gram matrices as a thousandth of its terms at least', () => {
    useBackend(tf, backend);
    tf.tidy(() => {
      const inputs = tf.tensor3d([[Array<number>(9).fill(1e4), Array<number>(9).fill(1e4)]]);
      const gradients = tf.tensor3d([[Array<number>(5).fill(1e3), Array<number>(5).fill(-1e3)]]);
      const { squaredNorms } = linear(tf, inputs, gradients, { kernel: [9, 5], bias: false });
      const terms = (2 * Math.sqrt(9) * 1e4 * Math.sqrt(5) * 1e3) ** 2;
      expect(squaredNorms.dataSync()[0]).toBeGreaterThanOrEqual(0.99e-3 * terms);
    });
  });

  it.each([1, 2])('see a gradient whose inputs have no squares in 32 bits, at %d positions', (positions) => {
    useBackend(tf, backend);
    const [small, large, width] = [1e-23, 1e18, 9];
    tf.tidy(() => {
      const shape = (last: number): [number, number, number] => [1, positions, last];
      const inputs: tf.Tensor3D = tf.fill(shape(width), small);
      const gradients: tf.Tensor3D = tf.fill(shape(5), large);
      const { squaredNorms } = linear(tf, inputs, gradients, { kernel: [width, 5], bias: false });
      const norm = positions * small * large * Math.sqrt(width * 5);
      expect(Math.sqrt(squaredNorms.dataSync()[0] ?? NaN)).toBeGreaterThanOrEqual(norm);
    });
  });

  it.each([NaN, Infinity])('leave %d as it is, to be refused', (value) => {
    useBackend(tf, backend);
    tf.tidy(() => {
      const inputs = tf.tensor3d([[Array<number>(9).fill(value), Array<number>(9).fill(1)]]);
      const gradients: tf.Tensor3D = tf.ones([1, 2, 5]);
      const shapes = { kernel: [9, 5], bias: true };
      const { squaredNorms } = linear(tf, inputs, gradients, shapes);
      expect(Number.isFinite(squaredNorms.dataSync()[0])).toBe(false);
      const once = linearOnce(tf, tf.fill([1, 9], value), tf.ones([1, 5]), shapes);
      expect(Number.isFinite(once.squaredNorms.dataSync()[0])).toBe(false);
    });
  });
});
