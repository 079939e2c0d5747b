import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { describeBackends, publicGenerator } from '@tutti/client/training';
import { useBackend } from '../../../packages/client/src/training/tensorflow/backends.js';
import { trainableVariables } from '../../../packages/client/src/training/tensorflow/weights.js';
import { layerCases, type LayerCase } from './support/layer-cases.js';

const reports = await describeBackends();
const available = new Set(reports.filter((report) => report.available).map(({ backend }) => backend));

const rows = 3;
const classes = 3;

/** A model of the case's layers with a dense head, on the current backend, its weights drawn at random. */
function modelOf(layerCase: LayerCase, uniform: () => number): tf.Sequential {
  const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [...layerCase.shape] })] });
  for (const layer of layerCase.layers()) model.add(layer);
  if (model.outputs[0]!.shape.length > 2) model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: classes }));
  tf.tidy(() => {
    const draw = (size: number) => Float32Array.from({ length: size }, () => uniform() - 0.5);
    model.setWeights(model.getWeights().map((weight) => tf.tensor(draw(weight.size), weight.shape)));
  });
  return model;
}

function inputsOf({ shape, vocabulary }: LayerCase, uniform: () => number): tf.Tensor {
  const size = rows * shape.reduce((a, b) => a * b, 1);
  const draw = () => (vocabulary === undefined ? 4 * uniform() - 2 : Math.floor(uniform() * vocabulary));
  return tf.tensor(Float32Array.from({ length: size }, draw), [rows, ...shape]);
}

/** Gradient and central differences of the loss in every trainable weight, as two vectors. */
function gradients(layerCase: LayerCase): { actual: number[]; expected: number[] } {
  // A seed at which no kink of a maximum or a ReLU lies within a step of the point.
  const uniform = publicGenerator(8);
  const model = modelOf(layerCase, uniform);
  const x = inputsOf(layerCase, uniform);
  const target = tf.tensor2d([1, 0, 0, 0, 0, 1, 0, 1, 0], [rows, classes]);
  const loss = (): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(target, model.apply(x, { training: true }) as tf.Tensor2D);
  const variables = trainableVariables(model);
  const { grads, value } = tf.variableGrads(loss, variables);
  const step = 2 ** -10;
  const actual: number[] = [];
  const expected: number[] = [];
  for (const variable of variables) {
    actual.push(...grads[variable.name]!.dataSync());
    const point = variable.dataSync().slice();
    const lossAt = (at: number, shift: number): number =>
      tf.tidy(() => {
        variable.assign(
          tf.tensor(
            point.map((w, i) => (i === at ? w + shift : w)),
            variable.shape,
          ),
        );
        return loss().dataSync()[0]!;
      });
    point.forEach((_, at) => expected.push((lossAt(at, step) - lossAt(at, -step)) / (2 * step)));
    tf.tidy(() => variable.assign(tf.tensor(point, variable.shape)));
  }
  tf.dispose([x, target, value, grads]);
  model.dispose();
  return { actual, expected };
}

describe.each(['wasm', 'cpu', 'native'] as const)('on the %s backend', (backend) => {
  describe.skipIf(!available.has(backend))('the gradient agrees with finite differences', () => {
    it.each(layerCases.map((layerCase) => [layerCase.name, layerCase] as const))(
      'through %s',
      (_, layerCase) => {
        useBackend(tf, backend);
        const before = tf.memory().numTensors;
        const { actual, expected } = gradients(layerCase);
        const largest = Math.max(...expected.map(Math.abs));
        expect(largest).toBeGreaterThan(1e-3);
        const worst = Math.max(...actual.map((value, at) => Math.abs(value - expected[at]!)));
        // Differences of 32-bit losses are good to about a thousandth of the gradient.
        expect(worst / largest).toBeLessThan(5e-3);
        expect(tf.memory().numTensors).toBe(before);
      },
    );
  });
});
