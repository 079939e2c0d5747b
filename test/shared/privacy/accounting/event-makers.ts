import type {
  DistributedDiscreteGaussianEvent,
  GaussianEvent,
  LaplaceEvent,
  PrivacyEvent,
  SkellamEvent,
  TreeEvent,
  TreeParticipation,
} from '@tutti/shared/privacy';

const zeroOut = { relation: 'zero-out', unit: 'client' } as const;

export function gaussian(
  noiseMultiplier: number,
  relation: GaussianEvent['relation'] = 'zero-out',
): GaussianEvent {
  return { kind: 'gaussian', noiseMultiplier, relation, unit: 'client' };
}

export function laplace(noiseScale: number): LaplaceEvent {
  return { kind: 'laplace', noiseScale, ...zeroOut };
}

export function skellam(variance: number, l2: number, l1: number, dimension = 1): SkellamEvent {
  return { kind: 'skellam', dimension, variance, l2Sensitivity: l2, l1Sensitivity: l1, ...zeroOut };
}

export function ddgauss(
  localVariance: number,
  honestShares: number,
  l2: number,
  l1: number,
  dimension: number,
): DistributedDiscreteGaussianEvent {
  return {
    kind: 'distributed-discrete-gaussian',
    dimension,
    localVariance,
    honestShares,
    l2Sensitivity: l2,
    l1Sensitivity: l1,
    ...zeroOut,
  };
}

export function tree(
  noiseMultiplier: number,
  leaves: readonly number[],
  participation: TreeParticipation,
): TreeEvent {
  return { kind: 'tree', noiseMultiplier, leaves, participation, ...zeroOut };
}

export function sampled(rate: number, event: PrivacyEvent): PrivacyEvent {
  return rate === 1 ? event : { kind: 'poisson-sampled', rate, event };
}

export function withoutReplacement(rate: number, event: PrivacyEvent): PrivacyEvent {
  return { kind: 'sampled-without-replacement', rate, event };
}

export function times(count: number, event: PrivacyEvent): PrivacyEvent {
  return { kind: 'repeated', count, event };
}

export function all(...events: PrivacyEvent[]): PrivacyEvent {
  return { kind: 'composed', events };
}
