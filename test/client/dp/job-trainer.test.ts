import { describe, expect, it } from 'vitest';
import { createTrainer, type ExampleProtection, type Examples } from '@tutti/client/training';
import { modelSpecSchema } from '@tutti/shared/learning';
import { seededRandom } from '../../support/seeded-random.js';
import { clusters } from '../training/support/models.js';

const spec = modelSpecSchema.parse({ inputs: 4, classes: 3 });
const protection: ExampleProtection = {
  clipNorm: 1,
  noiseMultiplier: 1,
  batchRate: 0.2,
  steps: 10,
  expectedBatch: 12,
};
const settings = { epochs: 1, batchSize: 12, learningRate: 0.5 };
const examples = clusters(60, 4, 3);
const never = () => {
  throw new Error('A private batch is not drawn from what a job hands in.');
};
const trained = async (rows: Examples, changes: Partial<ExampleProtection> = {}, seed = 'noise') => {
  const trainer = await createTrainer(spec, 'auto', undefined, { ...protection, ...changes });
  try {
    const random = seededRandom(seed);
    return await trainer.train(trainer.initialWeights(), rows, settings, never, { random });
  } finally {
    trainer.dispose();
  }
};

describe('the trainer of a job that protects each example', () => {
  it('takes its draws from the source that it is given, and from no other', async () => {
    const one = await trained(examples);
    expect(await trained(examples)).toEqual(one);
    expect(await trained(examples, {}, 'other noise')).not.toEqual(one);
  });

  it('adds the noise of every step, with examples and without any', async () => {
    const none: Examples = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 };
    const weights = await trained(none, { steps: 400 });
    // From zero weights: each step adds noise of deviation learningRate * clipNorm * z / expectedBatch.
    const expected = (0.5 * Math.sqrt(400)) / 12;
    const deviation = Math.hypot(...weights) / Math.sqrt(weights.length);
    expect(deviation / expected).toBeGreaterThan(0.5);
    expect(deviation / expected).toBeLessThan(1.6);
  });

  it('bounds what one example can do, whatever it holds', async () => {
    const rows: Examples = {
      features: Float32Array.of(...examples.features, 1e9, -1e9, 1e9, 1e9),
      labels: Int32Array.of(...examples.labels, 2),
      count: 61,
    };
    const certain = { batchRate: 1, steps: 1, noiseMultiplier: 1e-3 };
    const [without, withIt] = [await trained(examples, certain), await trained(rows, certain)];
    const moved = Math.hypot(...withIt.map((weight, at) => weight - (without[at] ?? 0)));
    expect(moved).toBeLessThan((0.5 / 12) * 1.1);
  });

  it.each([NaN, Infinity, 3e38])(
    'counts an example of %s as nothing rather than fail, which would tell that it is there',
    async (value) => {
      const rows: Examples = {
        features: Float32Array.of(...examples.features, value, value, value, value),
        labels: Int32Array.of(...examples.labels, 2),
        count: 61,
      };
      const certain = { batchRate: 1, steps: 1, noiseMultiplier: 1e-3 };
      const [without, withIt] = [await trained(examples, certain), await trained(rows, certain)];
      expect(withIt.every(Number.isFinite)).toBe(true);
      const moved = Math.hypot(...withIt.map((weight, at) => weight - (without[at] ?? 0)));
      expect(moved).toBeLessThan(1e-3);
    },
  );

  it('does not run on typed arrays, and has no personal layers', async () => {
    await expect(createTrainer(spec, 'arrays', undefined, protection)).rejects.toMatchObject({
      code: 'training.model',
    });
    const personal = modelSpecSchema.parse({
      inputs: 4,
      classes: 3,
      hidden: [{ units: 4 }],
      personal: ['hidden_1'],
    });
    await expect(createTrainer(personal, 'auto', undefined, protection)).rejects.toMatchObject({
      code: 'dp.model',
    });
  });

  it('trains the layers that are not frozen, adapters too', async () => {
    const layered = modelSpecSchema.parse({
      inputs: 4,
      classes: 3,
      hidden: [{ units: 4 }, { units: 4 }],
      frozen: ['hidden_1'],
      adapters: { rank: 2, layers: ['hidden_2'] },
    });
    const trainer = await createTrainer(layered, 'auto', undefined, protection);
    const initial = trainer.initialWeights();
    expect(initial).toHaveLength(2 * (4 + 4) + 4 * 3 + 3);
    const weights = await trainer.train(initial, examples, settings, never, {
      random: seededRandom('layers'),
    });
    expect(weights).not.toEqual(initial);
    trainer.dispose();
  });
});
