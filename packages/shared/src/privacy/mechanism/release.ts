import { Refusal } from '../../errors.js';
import type { DistributedDiscreteGaussianEvent, SkellamEvent } from '../accounting/index.js';
import { noiseSampler } from './noise.js';
import { type EncodingPlan, honestShares } from './plan.js';
import { type Rational, rational, toNumber } from './rational.js';

/**
 * Variance of one client's share of the noise, `V / (sharers * honestFraction)`, exactly. Integer domain.
 * @throws {Refusal} `privacy.sharers` where the number of sharers is not what the plan was made for
 */
export function localVarianceFraction(plan: EncodingPlan, sharers: number): Rational {
  if (!Number.isInteger(sharers) || sharers < plan.minimumSharers || sharers > plan.maximumCohort) {
    throw new Refusal(
      'privacy.sharers',
      `${sharers} clients shared keys; the plan is for ${plan.minimumSharers} to ${plan.maximumCohort}.`,
      'Open the round with a plan that fits the cohort.',
    );
  }
  return rational(BigInt(plan.noiseVariance) * 1_000_000n, BigInt(sharers) * BigInt(plan.honestPpm));
}

/** {@link localVarianceFraction} as the nearest double. */
export function localVariance(plan: EncodingPlan, sharers: number): number {
  return toNumber(localVarianceFraction(plan, sharers));
}

/**
 * What one unmasked sum costs: counted with the honest clients' noise that is guaranteed, never with the noise that happens to be in
 * it. The neighbour is a cohort in which one client's update is replaced by zero while it still adds its share; where an update is a sum of examples, one in which a client has an example more or
 * less in its sum.
 * @throws {Refusal} `privacy.sharers`; `privacy.no-noise` where the plan adds none
 */
export function releaseEvent(
  plan: EncodingPlan,
  sharers: number,
): DistributedDiscreteGaussianEvent | SkellamEvent {
  const common = {
    dimension: plan.paddedDimension,
    l2Sensitivity: plan.l2Bound,
    l1Sensitivity: plan.l1Bound,
    ...(plan.unitNorm === undefined
      ? ({ relation: 'zero-out', unit: 'client' } as const)
      : ({ relation: 'add-or-remove', unit: 'example' } as const)),
  };
  if (plan.noiseLaw === 'none') throw noNoise();
  const variance = localVariance(plan, sharers);
  return plan.noiseLaw === 'skellam'
    ? { kind: 'skellam', variance: plan.noiseVariance, ...common }
    : {
        kind: 'distributed-discrete-gaussian',
        localVariance: variance,
        honestShares: honestShares(plan, sharers),
        ...common,
      };
}

/**
 * Upper bound on the statistical distance between the noise of one round, as the samplers draw it, and the noise that is accounted
 * for: one draw a coordinate and an honest client. Booked in delta.
 * @throws {Refusal} `privacy.sharers`; `privacy.no-noise` where the plan adds none
 */
export function noiseDistance(plan: EncodingPlan, sharers: number): number {
  if (plan.noiseLaw === 'none') throw noNoise();
  return (
    noiseSampler(plan.noiseLaw, localVarianceFraction(plan, sharers)).distance *
    plan.paddedDimension *
    sharers
  );
}

function noNoise(): Refusal {
  return new Refusal(
    'privacy.no-noise',
    'The plan adds no noise to what it encodes, so that its sum protects no client.',
    'Account for what made the vectors private before they were encoded.',
  );
}
