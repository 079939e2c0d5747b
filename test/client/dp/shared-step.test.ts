import { describe, expect, it } from 'vitest';
import { createTrainer, type Examples, type SharedProtection, type Trainer } from '@tutti/client/training';
import { uniformStream } from '@tutti/shared/crypto';
import { modelSpecSchema } from '@tutti/shared/learning';
import { announceJob, encodingPlan, jobSchema } from '@tutti/shared/protocol';
import { atRandom, inOrder } from '../../../packages/client/src/dp/batch-sum.js';
import { seededRandom } from '../../support/seeded-random.js';
import { clusters } from '../training/support/models.js';

const spec = modelSpecSchema.parse({ inputs: 4, classes: 3, hidden: [{ units: 6 }] });
const protection: SharedProtection = {
  noise: 'shared',
  clipNorm: 0.3,
  batchRate: 1,
  expectedBatch: 20,
  learningRate: 0.5,
  updateNorm: 1e6,
};
const all = clusters(60, 4, 3);
const first = (count: number): Examples => ({
  features: all.features.slice(0, 4 * count),
  labels: all.labels.slice(0, count),
  count,
});
const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

async function step(
  examples: Examples,
  changes: Partial<SharedProtection> = {},
  weights?: (trainer: Trainer) => Float32Array,
): Promise<Float32Array> {
  const trainer = await createTrainer(spec, 'auto', undefined, { ...protection, ...changes });
  try {
    return await trainer.step!(weights?.(trainer) ?? trainer.initialWeights(), examples, {
      random: seededRandom('batch'),
    });
  } finally {
    trainer.dispose();
  }
}

describe('a client’s part of a step whose noise is shared', () => {
  it('is minus the learning rate times the sum of the clipped gradients, one after the other, over the expected batch', async () => {
    const together = await step(first(9));
    const alone = await Promise.all(
      Array.from({ length: 9 }, (_, row) =>
        step({
          features: all.features.slice(4 * row, 4 * row + 4),
          labels: all.labels.slice(row, row + 1),
          count: 1,
        }),
      ),
    );
    const added = together.map((_, at) => alone.reduce((sum, one) => sum + one[at]!, 0));
    together.forEach((value, at) => expect(value).toBeCloseTo(added[at]!, 7));
    for (const one of alone) expect(norm(one)).toBeLessThanOrEqual((0.5 * 0.3 * (1 + 1e-4)) / 20);
    // One of them at least is clipped.
    expect(Math.max(...alone.map(norm))).toBeGreaterThan((0.5 * 0.3 * 0.999) / 20);
  });

  it('moves by no more than the plan counts when an example comes, whatever it holds and whatever the weights are', async () => {
    const job = announceJob(
      jobSchema.parse({
        name: 'job',
        model: { inputs: 4, classes: 3, hidden: [{ units: 6 }] },
        training: { batchSize: 20, learningRate: 0.5 },
        cohort: { samplingRate: 1, minimum: 8, maximum: 12 },
        rounds: 10,
        privacy: { unit: 'example', noise: 'shared', clipNorm: 0.3 },
      }),
      12,
    );
    const { unitNorm, clipNorm: updateNorm } = encodingPlan(job);
    const hostile = (trainer: Trainer) =>
      trainer.initialWeights().map((weight, at) => weight * (at % 2 ? 1e6 : -3e4));
    for (const values of [
      [1, 2, 3, 4],
      [1e9, -1e9, 1e9, 1e9],
      [1e-30, 0, 0, 0],
      [NaN, 0, 0, 0],
      [Infinity, 1, 1, 1],
    ]) {
      for (const weights of [undefined, hostile]) {
        for (const cut of [updateNorm, 1e-3]) {
          const rows = first(40);
          const withIt: Examples = {
            features: Float32Array.of(...rows.features, ...values),
            labels: Int32Array.of(...rows.labels, 2),
            count: 41,
          };
          const one = await step(rows, { updateNorm: cut }, weights);
          const other = await step(withIt, { updateNorm: cut }, weights);
          expect(other.every(Number.isFinite)).toBe(true);
          expect(norm(one.map((value, at) => value - other[at]!))).toBeLessThanOrEqual(unitNorm!);
        }
      }
    }
  });

  it('is cut to the norm that lanes are sized for', async () => {
    expect(norm(await step(first(60)))).toBeGreaterThan(0.01);
    expect(norm(await step(first(60), { updateNorm: 0.01 }))).toBeCloseTo(0.01, 7);
  });

  it('draws its batch from the source that it is given, and may be of nobody', async () => {
    const some = await step(all, { batchRate: 0.3 });
    expect(some).toEqual(await step(all, { batchRate: 0.3 }));
    expect(norm(some)).toBeLessThan(norm(await step(all)));
    expect(norm(await step(all, { batchRate: 1e-9 }))).toBe(0);
    const none: Examples = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 };
    expect(norm(await step(none))).toBe(0);
  });

  it('is all that its trainer gives: weights would have no noise in them', async () => {
    const trainer = await createTrainer(spec, 'auto', undefined, protection);
    const settings = { epochs: 1, batchSize: 20, learningRate: 0.5 };
    await expect(
      trainer.train(trainer.initialWeights(), first(9), settings, () => 0.5),
    ).rejects.toMatchObject({ code: 'dp.shared-noise' });
    trainer.dispose();
  });

  it('ends where it is aborted, and refuses weights of another model', async () => {
    const trainer = await createTrainer(spec, 'auto', undefined, protection);
    const reason = new Error('left');
    await expect(
      trainer.step!(trainer.initialWeights(), first(9), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    expect(() => trainer.step!(new Float32Array(3), first(9))).toThrow(
      expect.objectContaining({ code: 'training.weights' }),
    );
    trainer.dispose();
  });

  it('is not what a trainer without such protection has', async () => {
    const trainer = await createTrainer(spec, 'auto');
    expect(trainer).not.toHaveProperty('step');
    trainer.dispose();
  });
});

describe('parts by coins', () => {
  const rows = Int32Array.from({ length: 500 }, (_, row) => row);
  /** Each row has coins of its own, whichever others there are. */
  function parts(of: Int32Array): string[] {
    const coins = new Map<number, () => number>();
    return atRandom(of, 64, (row) => {
      const coin = coins.get(row) ?? uniformStream(seededRandom(`coins of ${row}`));
      coins.set(row, coin);
      return coin();
    }).map((part) => part.join());
  }

  it('are small, and hold every row once', () => {
    const uniform = uniformStream(seededRandom('parts'));
    const found = atRandom(rows, 64, uniform);
    for (const part of found) expect(part.length).toBeLessThanOrEqual(64);
    expect(found.flatMap((part) => [...part]).sort((a, b) => a - b)).toEqual([...rows]);
    expect(atRandom(new Int32Array(0), 64, uniform)).toEqual([]);
    expect(atRandom(rows.subarray(0, 64), 64, uniform)).toHaveLength(1);
  });

  it('change in one place alone when a row goes', () => {
    const before = new Set(parts(rows));
    for (const gone of [0, 77, 250, 499]) {
      const changed = parts(rows.filter((row) => row !== gone)).filter((part) => !before.has(part));
      expect(changed.flatMap((part) => part.split(',')).length).toBeLessThanOrEqual(64);
    }
    const inTurn = new Set(inOrder(rows, 64).map((part) => part.join()));
    const shifted = inOrder(rows.subarray(1), 64).filter((part) => !inTurn.has(part.join()));
    expect(shifted).toHaveLength(8);
  });
});
