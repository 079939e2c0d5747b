import type { OptimiserState, ServerOptimiser } from '@tutti/shared/learning';

/** Where a job stood: its model, and what the server's optimiser remembered. */
export interface ReleasedState {
  readonly weights: Float32Array;
  readonly optimiser: OptimiserState;
}

/**
 * The sum over all rounds of the noisy sums that a coordinator learned, from what it keeps: the inverse of `applyUpdate`, added up. The mean update of round t is, with first moment m_t and decay β,
 * (w_t - w_(t-1)) / η for the average, m_t - β m_(t-1) for momentum, and (m_t - β m_(t-1)) / (1 - β) for Adam.
 *
 * @param expectedCohort - the divisor of every sum
 * @param moments - the sum of the first moments after each round: of Adam, whose models do not tell it
 */
export function releasedSum(
  { optimiser, learningRate, momentum }: ServerOptimiser,
  expectedCohort: number,
  { initial, final }: { readonly initial: ReleasedState; readonly final: ReleasedState },
  moments?: Float64Array,
): Float64Array {
  const moved = Float64Array.from(
    final.weights,
    (weight, index) => (weight - (initial.weights[index] ?? 0)) / learningRate,
  );
  if (optimiser === 'average') return moved.map((value) => value * expectedCohort);
  const gained = (index: number) =>
    (final.optimiser.first?.[index] ?? 0) - (initial.optimiser.first?.[index] ?? 0);
  return optimiser === 'momentum'
    ? moved.map((sum, index) => ((1 - momentum) * sum + momentum * gained(index)) * expectedCohort)
    : moved.map(
        (_, index) =>
          ((moments?.[index] ?? 0) + (momentum / (1 - momentum)) * gained(index)) * expectedCohort,
      );
}
