import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  applyUpdate,
  countWeights,
  modelSpecSchema,
  INITIAL_OPTIMISER_STATE,
  optimiserStateFromBytes,
  optimiserStateToBytes,
  weightsFromBytes,
  weightsToBytes,
  type OptimiserState,
} from '@tutti/shared/learning';

const weights = Float32Array.of(1, 2);
const mean = Float64Array.of(0.5, -0.25);

describe('the server’s optimiser', () => {
  it('averages: adds the learning rate times the mean update', () => {
    const settings = { optimiser: 'average', learningRate: 2, momentum: 0.9 } as const;
    expect(applyUpdate(settings, INITIAL_OPTIMISER_STATE, weights, mean).weights).toEqual(
      Float32Array.of(2, 1.5),
    );
  });

  it('gathers momentum', () => {
    const settings = { optimiser: 'momentum', learningRate: 1, momentum: 0.5 } as const;
    const first = applyUpdate(settings, INITIAL_OPTIMISER_STATE, weights, mean);
    const second = applyUpdate(settings, first.state, first.weights, mean);
    expect(second.weights).toEqual(Float32Array.of(1 + 0.5 + 0.75, 2 - 0.25 - 0.375));
  });

  it('adapts: the first step of adam is the learning rate in the direction of the update', () => {
    const settings = { optimiser: 'adam', learningRate: 0.1, momentum: 0.9 } as const;
    const [a, b] = applyUpdate(settings, INITIAL_OPTIMISER_STATE, weights, mean).weights;
    expect(a).toBeCloseTo(1 + (0.1 * 0.5) / 0.501, 6);
    expect(b).toBeCloseTo(2 - (0.1 * 0.25) / 0.251, 6);
  });

  it.each<OptimiserState>([
    { step: 0 },
    { step: 3, first: Float64Array.of(0.1, -1e-300) },
    { step: 2 ** 31, first: Float64Array.of(1, 2), second: Float64Array.of(3, 4) },
  ])('goes on from its bytes as if it had never stopped: %j', (state) => {
    expect(optimiserStateFromBytes(optimiserStateToBytes(state), 2)).toEqual(state);
  });
});

describe('a model’s weights', () => {
  it('come back from their bytes, bit for bit, wherever those lie', () => {
    const exact = Float32Array.of(0, -0, 1.1754944e-38, 3.4028235e38, Math.fround(0.1));
    const bytes = weightsToBytes(exact);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(weightsFromBytes(shifted.subarray(1), 5)).toEqual(exact);
  });

  it('are refused where one is missing or none', () => {
    expect(() => weightsFromBytes(new Uint8Array(7), 2)).toThrow(
      expect.objectContaining({ code: 'model.wrong-size' }) as Error,
    );
    const poisoned = weightsToBytes(Float32Array.of(1, Number.NaN));
    expect(() => weightsFromBytes(poisoned, 2)).toThrow(
      expect.objectContaining({ code: 'model.not-finite' }) as Error,
    );
  });

  it('are counted with their biases', () => {
    const count = (spec: z.input<typeof modelSpecSchema>) => countWeights(modelSpecSchema.parse(spec));
    expect(count({ inputs: 64, classes: 10 })).toBe(650);
    expect(count({ inputs: 784, classes: 10, hidden: [{ units: 128 }] })).toBe(101_770);
  });
});
