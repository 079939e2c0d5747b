import { describe, expect, it } from 'vitest';
import { applyUpdate, INITIAL_OPTIMISER_STATE, type ServerOptimiser } from '@tutti/shared/learning';
import { uniformStream } from '@tutti/shared/crypto';
import { releasedSum, type ReleasedState } from '../../../packages/audit/src/deployment/released-sum.js';
import { seededRandom } from '../../support/seeded-random.js';

const WEIGHTS = 20;
const COHORT = 7;

/** Rounds of these sums by an optimiser, as the server makes them. */
function trained(server: ServerOptimiser, begun: ReleasedState, sums: readonly Float64Array[]) {
  const states = [begun];
  for (const sum of sums) {
    const { optimiser, weights } = states.at(-1)!;
    const mean = sum.map((value) => value / COHORT);
    const { weights: next, state } = applyUpdate(server, optimiser, weights, mean);
    states.push({ weights: next, optimiser: state });
  }
  return states;
}

describe('the sum of all rounds, from what a coordinator keeps', () => {
  const uniform = uniformStream(seededRandom('sums'));
  const sums = Array.from({ length: 5 }, () => Float64Array.from({ length: WEIGHTS }, () => uniform() - 0.5));
  const begun: ReleasedState = {
    weights: Float32Array.from({ length: WEIGHTS }, () => uniform()),
    optimiser: INITIAL_OPTIMISER_STATE,
  };
  const total = Array.from({ length: WEIGHTS }, (_, index) =>
    sums.reduce((sum, round) => sum + round[index]!, 0),
  );

  it.each(['average', 'momentum', 'adam'] as const)('is the sum that it was, by %s', (optimiser) => {
    const server = { optimiser, learningRate: 0.7, momentum: 0.9 };
    // A job may go on from another one, whose optimiser remembers something.
    const [, initial] = trained(server, begun, [sums[0]!]);
    const states = trained(server, initial!, sums);
    const moments = new Float64Array(WEIGHTS);
    for (const { optimiser: state } of states.slice(1))
      state.first?.forEach((value, index) => (moments[index]! += value));
    const found = releasedSum(server, COHORT, { initial: initial!, final: states.at(-1)! }, moments);
    // Models are 32-bit floats.
    found.forEach((value, index) => expect(value).toBeCloseTo(total[index]!, 4));
  });
});
