import { describe, expect, it } from 'vitest';
import {
  fromMeans,
  integratedGradients,
  lime,
  occlusion,
  ownRows,
  partialDependence,
  permutationImportance,
  type Predict,
} from '@tutti/client/rights';
import { createLayersScorer, createScorer } from '@tutti/client/training';
import { uniformStream } from '@tutti/shared/crypto';
import { modelSpecSchema } from '@tutti/shared/learning';
import { seededRandom } from '../../../support/seeded-random.js';

const uniform = (purpose = 'explanation') => uniformStream(seededRandom(purpose));
const rowsOf = (count: number, inputs: number) => {
  const draw = uniform('rows');
  return Array.from({ length: count }, () => Float64Array.from({ length: inputs }, draw));
};
const linear: Predict = (rows) => Promise.resolve(Float64Array.from(rows, (x) => 4 * x[0]! - 2 * x[1]! + 1));

describe('LIME', () => {
  it('finds a linear score whole, in steps of one deviation, and says that it fits', async () => {
    const background = { rows: [Float64Array.of(0, 0, 5), Float64Array.of(2, 6, 5)], source: 'test' };
    const { effects, fit, intercept } = await lime(linear, Float64Array.of(1, 1, 5), background, {
      uniform: uniform(),
    });
    // Deviations 1, 3 and 0: a feature that never varies has no effect.
    expect(effects[0]).toBeCloseTo(4, 2);
    expect(effects[1]).toBeCloseTo(-6, 2);
    expect(effects[2]).toBe(0);
    expect(intercept).toBeCloseTo(3, 2);
    expect(fit).toBeGreaterThan(0.999);
  });

  it('says that it does not fit where the score is no plane', async () => {
    const wavy: Predict = (rows) => Promise.resolve(Float64Array.from(rows, (x) => Math.cos(20 * x[0]!)));
    const { fit } = await lime(wavy, Float64Array.of(0, 0), ownRows(rowsOf(30, 2)), { uniform: uniform() });
    expect(fit).toBeLessThan(0.2);
  });
});

describe('permutation importance', () => {
  it('is large for what the model reads and nothing for what it does not', async () => {
    const rows = rowsOf(200, 3);
    const labels = rows.map((row) => (row[0]! > 0.5 ? 1 : 0));
    const confident = (tried: readonly Float64Array[], own: readonly number[]) =>
      Promise.resolve(Float64Array.from(tried, (x, i) => ((x[0]! > 0.5 ? 1 : 0) === own[i] ? 0.9 : 0.1)));
    const [read, ...unread] = await permutationImportance(confident, rows, labels, { uniform: uniform() });
    // Half of the rows change sides: the loss grows by about ln(9) / 2.
    expect(read!.mean).toBeCloseTo(Math.log(9) / 2, 0);
    expect(unread).toEqual([
      { mean: 0, deviation: 0 },
      { mean: 0, deviation: 0 },
    ]);
  });
});

describe('partial dependence', () => {
  it('of a linear score is a line with its slope', async () => {
    const { grid, scores } = await partialDependence(linear, ownRows(rowsOf(50, 2)), 0);
    expect(grid).toHaveLength(21);
    for (let i = 1; i < 21; i++) {
      expect((scores[i]! - scores[i - 1]!) / (grid[i]! - grid[i - 1]!)).toBeCloseTo(4, 9);
    }
  });
});

const spec = modelSpecSchema.parse({
  inputs: 9,
  classes: 3,
  hidden: [
    { units: 5, activation: 'tanh' },
    { units: 4, activation: 'sigmoid' },
  ],
});

function weightsOf(count: number): Float32Array {
  const draw = uniform('weights');
  return Float32Array.from({ length: count }, () => 2 * draw() - 1);
}

describe('a scorer', () => {
  it.each(['relu', 'tanh', 'sigmoid', 'linear'] as const)(
    'gives the gradient of its own probabilities through %s',
    async (activation) => {
      const scorer = createScorer(
        { ...spec, hidden: [{ units: 5, activation }] },
        weightsOf(9 * 5 + 5 + 5 * 3 + 3),
      );
      const row = rowsOf(1, 9)[0]!;
      const [gradient] = await scorer.gradient([row], 2);
      const step = 1e-6;
      for (let i = 0; i < 9; i++) {
        const [up, down] = await scorer.predict([row.with(i, row[i]! + step), row.with(i, row[i]! - step)]);
        expect(gradient![i]).toBeCloseTo((up![2]! - down![2]!) / (2 * step), 6);
      }
    },
  );

  it('of layers agrees with the dense one, probabilities and gradients', async () => {
    const weights = weightsOf(9 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3);
    const dense = createScorer(spec, weights);
    const layers = await createLayersScorer(
      (tf) =>
        tf.sequential({
          layers: [
            tf.layers.dense({ units: 5, activation: 'tanh', inputShape: [9] }),
            tf.layers.dense({ units: 4, activation: 'sigmoid' }),
            tf.layers.dense({ units: 3 }),
          ],
        }),
      weights,
    );
    const rows = rowsOf(4, 9);
    const near = (a: readonly Float64Array[], b: readonly Float64Array[]) =>
      a.forEach((vector, i) => vector.forEach((value, j) => expect(value).toBeCloseTo(b[i]![j]!, 5)));
    near(await layers.predict(rows), await dense.predict(rows));
    near(await layers.gradient(rows, 1), await dense.gradient(rows, 1));
    layers.dispose();
  });

  it('refuses weights of another model', async () => {
    expect(() => createScorer(spec, new Float32Array(3))).toThrow(
      expect.objectContaining({ code: 'training.weights' }) as Error,
    );
    await expect(
      createLayersScorer(
        (tf) => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [4] })] }),
        new Float32Array(3),
      ),
    ).rejects.toMatchObject({ code: 'training.weights' });
  });
});

describe('integrated gradients', () => {
  it('sum to the difference of the scores of a network, to the error that they state', async () => {
    const scorer = createScorer(spec, weightsOf(9 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3));
    const row = rowsOf(1, 9)[0]!.map((value) => 5 * value);
    const model = {
      predict: async (rows: readonly Float64Array[]) =>
        Float64Array.from(await scorer.predict(rows), (vector) => vector[1]!),
      gradient: (rows: readonly Float64Array[]) => scorer.gradient(rows, 1),
    };
    const { values, base, score, gap } = await integratedGradients(model, row, new Float64Array(9), 200);
    const total = values.reduce((sum, value) => sum + value, 0);
    expect(total + gap).toBeCloseTo(score - base, 12);
    expect(Math.abs(gap)).toBeLessThan(1e-4);
    const coarse = await integratedGradients(model, row, new Float64Array(9), 2);
    expect(Math.abs(coarse.gap)).toBeGreaterThan(Math.abs(gap));
  });

  it('of a convolutional model point at the pixels that it reads', async () => {
    const reading = await createLayersScorer(
      (tf) =>
        tf.sequential({
          layers: [
            tf.layers.conv2d({ filters: 1, kernelSize: 3, inputShape: [6, 6, 1], kernelInitializer: 'ones' }),
            tf.layers.cropping2D({
              cropping: [
                [0, 3],
                [0, 3],
              ],
            }),
            tf.layers.flatten(),
            tf.layers.dense({ units: 2, kernelInitializer: 'zeros' }),
          ],
        }),
      Float32Array.from([...Array<number>(9).fill(1), 0, -1, 1, 0, 0]),
    );
    const [own] = await reading.gradient([new Float64Array(36).fill(0.1)], 1);
    own!.forEach((value, pixel) => {
      const read = pixel % 6 < 3 && pixel < 18;
      expect(value > 0).toBe(read);
    });
    reading.dispose();
  });
});

describe('an occlusion map', () => {
  const bright: Predict = (rows) => Promise.resolve(Float64Array.from(rows, (x) => x[7]!));

  it('is positive around the one pixel that the score reads and zero far from it', async () => {
    const map = await occlusion(bright, new Float64Array(25).fill(1), { width: 5, height: 5 }, { patch: 1 });
    expect([...map]).toEqual(Array.from({ length: 25 }, (_, pixel) => (pixel === 7 ? 1 : 0)));
    const wide = await occlusion(bright, new Float64Array(25).fill(1), { width: 5, height: 5 }, { patch: 2 });
    expect(wide[7]).toBe(1);
    expect(wide[24]).toBe(0);
  });

  it('covers all channels of a pixel', async () => {
    const map = await occlusion(
      bright,
      new Float64Array(12).fill(1),
      { width: 2, height: 2, channels: 3 },
      { patch: 1 },
    );
    expect([...map]).toEqual([0, 0, 1, 0]);
  });

  it.each([
    [{ width: 4, height: 5 }, 1],
    [{ width: 5, height: 5 }, 6],
    [{ width: 5, height: 5 }, 0],
  ])('is refused of %j with a patch of %i', async (shape, patch) => {
    await expect(occlusion(bright, new Float64Array(25), shape, { patch })).rejects.toMatchObject({
      code: 'explanation.shape',
    });
  });
});

it('explains against means without any row of anybody', () => {
  expect(fromMeans(Float64Array.of(1, 2)).rows).toHaveLength(1);
});
