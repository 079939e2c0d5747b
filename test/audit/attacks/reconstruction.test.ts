import { beforeAll, describe, expect, it } from 'vitest';
import { FirstLayerRecovery, GradientInversion, serverViews, similarity } from '@tutti/audit';
import { createTrainer, publicGenerator, type Examples } from '@tutti/client/training';
import { DenseNetwork, drawInitialWeights, layoutOf, modelSpecSchema } from '@tutti/shared/learning';
import { planEncoding } from '@tutti/shared/privacy';
import { primitives } from '@tutti/shared/crypto/primitives';
import { loadDataset, selectRows } from '@tutti/simulation';
import { seededRandom } from '../../support/seeded-random.js';

const RANGE = [-5 / 16, 11 / 16] as const;
const settings = { epochs: 3, batchSize: 16, learningRate: 0.5 };
let rows: Examples;
beforeAll(async () => {
  const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
  rows = (await loadDataset(data, { inputs: 64, classes: 10 })).train;
});
const single = (row: number) => selectRows(rows, 64, [row]);

describe('reconstruction of a digit from the update of a client that has one', () => {
  const spec = modelSpecSchema.parse({ inputs: 64, classes: 10 });
  const plan = planEncoding({
    dimension: 650,
    clipNorm: 1,
    noiseMultiplier: 1,
    maximumCohort: 40,
    minimumSharers: 12,
    survivorFraction: 0.8,
    corruptFraction: 0.05,
  });
  const updateOf = async (row: number) => {
    const trainer = await createTrainer(spec, 'arrays');
    const start = trainer.initialWeights();
    const trained = await trainer.train(start, single(row), settings, publicGenerator(row));
    return trained.map((weight, index) => weight - (start[index] ?? 0));
  };

  it('succeeds where the coordinator sees the update, and fails on masks, on sums and on noise', async () => {
    const updates = await Promise.all(Array.from({ length: 20 }, (_, row) => updateOf(row)));
    const views = await serverViews(updates[0]!, updates.slice(1), {
      plan,
      primitives,
      random: seededRandom('views'),
    });
    const attack = new FirstLayerRecovery(spec);
    const likeness = (view: Float64Array) => similarity(attack.recover(view), single(0).features);
    expect(likeness(views.bare)).toBeGreaterThan(0.9999);
    expect(Math.abs(likeness(views.masked))).toBeLessThan(0.4);
    expect(likeness(views.noisy)).toBeLessThan(0.6);
    expect(likeness(views.summed)).toBeLessThan(0.9);
  });

  it('gives the coordinator residues that do not tell one update from another', async () => {
    const options = { plan, primitives, random: seededRandom('masks') };
    const { masked, bare } = await serverViews(
      await updateOf(0),
      [await updateOf(1), await updateOf(2)],
      options,
    );
    expect(Math.abs(similarity(masked, bare))).toBeLessThan(0.15);
    // Uniform residues are larger than any update by the whole width of a lane.
    const size = (view: Float64Array) => Math.sqrt(view.reduce((sum, value) => sum + value ** 2, 0));
    expect(size(masked)).toBeGreaterThan(100 * size(bare));
  });
});

describe('gradient inversion on a small network', () => {
  const spec = modelSpecSchema.parse({
    inputs: 64,
    classes: 10,
    hidden: [{ units: 24, activation: 'sigmoid' }],
  });
  const weights = () => {
    const uniform = publicGenerator(9);
    return drawInitialWeights(layoutOf(spec), 1).map((weight) => weight + 0.4 * (uniform() - 0.5));
  };

  it('finds the digit and its label from its gradient', () => {
    const network = new DenseNetwork(spec, weights());
    const { features, labels } = single(3);
    const found = new GradientInversion(network).invert(network.gradient(features, labels[0]!).weights, {
      range: RANGE,
      seed: 1,
    });
    expect(found.label).toBe(labels[0]);
    expect(similarity(found.features, features)).toBeGreaterThan(0.9);
  });

  it('finds nothing in a gradient that is clipped and has the noise of ε = 3', () => {
    const network = new DenseNetwork(spec, weights());
    const { features, labels } = single(3);
    const gradient = network.gradient(features, labels[0]!).weights;
    const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value ** 2, 0));
    const uniform = publicGenerator(4);
    const noisy = gradient.map((value) => {
      const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
      return value / Math.max(1, norm) + normal;
    });
    const found = new GradientInversion(network).invert(noisy, { range: RANGE, seed: 1 });
    expect(similarity(found.features, features)).toBeLessThan(0.5);
  });

  it('has the slopes of the network right', () => {
    const network = new DenseNetwork(spec, weights());
    const { features, labels } = single(5);
    const { input, weights: slopes } = network.gradient(features, labels[0]!);
    const nudged = (index: number, by: number) =>
      Float64Array.from(features, (v, i) => v + (i === index ? by : 0));
    for (const index of [0, 10, 33]) {
      const rise =
        network.loss(nudged(index, 1e-5), labels[0]!) - network.loss(nudged(index, -1e-5), labels[0]!);
      expect(input[index]).toBeCloseTo(rise / 2e-5, 6);
    }
    for (const index of [7, 1000, 1700]) {
      const moved = (by: number) =>
        new DenseNetwork(
          spec,
          Float64Array.from(network.weights, (w, i) => w + (i === index ? by : 0)),
        );
      const rise = moved(1e-5).loss(features, labels[0]!) - moved(-1e-5).loss(features, labels[0]!);
      expect(slopes[index]).toBeCloseTo(rise / 2e-5, 6);
    }
  });
});
