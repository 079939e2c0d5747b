import { describe, expect, it } from 'vitest';
import { learningRateOf, trainingOfRound, trainingSchema, type Training } from '@tutti/shared/learning';

const training = (settings: Partial<Training>): Training => ({ ...trainingSchema.parse({}), ...settings });
const rates = (settings: Partial<Training>, rounds: number): number[] =>
  Array.from({ length: rounds }, (_, at) => learningRateOf(training(settings), at + 1, rounds));

describe('the learning rate of a round', () => {
  it('stays without a schedule', () => {
    expect(rates({ learningRate: 0.3 }, 3)).toEqual([0.3, 0.3, 0.3]);
  });

  it('falls by steps', () => {
    expect(rates({ learningRate: 1, schedule: 'step', decay: 0.5, decayEvery: 2 }, 5)).toEqual([
      1, 1, 0.5, 0.5, 0.25,
    ]);
  });

  it('falls evenly in its logarithm, towards the decay after the last round', () => {
    const [first, second, third] = rates({ learningRate: 1, schedule: 'exponential', decay: 0.01 }, 2);
    expect(first).toBe(1);
    expect(second).toBeCloseTo(0.1, 12);
    expect(third).toBeUndefined();
  });

  it('falls along half a cosine, halfway between rate and floor in the middle', () => {
    const all = rates({ learningRate: 2, schedule: 'cosine', decay: 0.5 }, 4);
    expect(all[0]).toBe(2);
    expect(all[2]).toBeCloseTo(1.5, 12);
    expect(all).toEqual(all.toSorted((a, b) => b - a));
  });

  it('rises evenly while it warms up, and the schedule begins after that', () => {
    const all = rates({ learningRate: 1, warmUp: 3, schedule: 'step', decay: 0.1, decayEvery: 1 }, 6);
    expect(all.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
    expect(all[4]).toBeCloseTo(0.1, 12);
  });

  it('is all that a round changes', () => {
    const all = training({ schedule: 'step', decayEvery: 1, decay: 0.5, learningRate: 1, epochs: 7 });
    expect(trainingOfRound(all, 2, 10)).toEqual({ ...all, learningRate: 0.5 });
  });
});

describe('the training of a job', () => {
  it.each([
    { epochs: 0 },
    { epochs: 1.5 },
    { batchSize: 70_000 },
    { learningRate: 0 },
    { optimiser: 'rmsprop' },
    { momentum: 1 },
    { schedule: 'linear' },
    { decay: 0 },
    { decay: 1.1 },
    { warmUp: -1 },
    { weightDecay: -0.1 },
    { proximal: -1 },
    { maximumGradientNorm: 0 },
    { classWeights: [1] },
    { classWeights: [1, -1] },
    { earlyStop: { patience: 0 } },
    { learningrate: 0.1 },
  ])('does not take %o', (settings) => {
    expect(trainingSchema.safeParse(settings).success).toBe(false);
  });
});
