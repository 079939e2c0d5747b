import type { RandomSource } from '../../crypto/random.js';
import { Refusal } from '../../errors.js';
import type { DiscreteGaussianEvent, NeighbouringRelation, PrivacyUnit } from '../accounting/index.js';
import { addNoise, noiseSampler } from './noise.js';
import { rational } from './rational.js';

/** Grid steps in one deviation of the noise. */
const STEPS_PER_DEVIATION = 2 ** 20;
const VARIANCE = rational(BigInt(STEPS_PER_DEVIATION) ** 2n, 1n);
/** Beyond this, whole numbers of grid steps with their noise are no longer exact in a double. */
const LARGEST_STEPS = 2 ** 52;

export interface CentralGaussianOptions {
  /** L2 bound on what one unit adds to the values. */
  readonly clipNorm: number;
  /** Deviation of the noise over the clip norm. */
  readonly noiseMultiplier: number;
  readonly relation: Exclude<NeighbouringRelation, 'replace-one'>;
  readonly unit: PrivacyUnit;
  readonly random: RandomSource;
}

export interface CentralRelease {
  readonly values: Float64Array;
  /** What the release costs: rounding to the grid is in its sensitivity. */
  readonly event: DiscreteGaussianEvent;
}

/**
 * Gaussian noise by a trusted coordinator, without floating-point noise: the values are rounded to a grid of 2^-20 deviations and get
 * discrete Gaussian noise from the exact sampler (against the attack of Mironov 2012). Rounding moves two neighbours apart by at
 * most one step a coordinate, `sqrt(dimension)` steps in all.
 *
 * @param values - the sum of clipped contributions; not changed
 * @throws {Refusal} `privacy.plan-input` where clip norm or noise multiplier is not positive; `privacy.not-finite` where a value is not
 * finite or beyond 2^32 deviations of the noise
 */
export function addCentralGaussian(values: Float64Array, options: CentralGaussianOptions): CentralRelease {
  const { clipNorm, noiseMultiplier, relation, unit, random } = options;
  const step = (clipNorm * noiseMultiplier) / STEPS_PER_DEVIATION;
  if (!(clipNorm > 0 && noiseMultiplier > 0 && Number.isFinite(step) && Number.isFinite(1 / step))) {
    throw new Refusal(
      'privacy.plan-input',
      'Clip norm and noise multiplier must be positive.',
      'Correct the job’s privacy settings.',
    );
  }
  const steps = values.map((value) => Math.round(value / step));
  if (!steps.every((count) => Math.abs(count) < LARGEST_STEPS)) {
    throw new Refusal(
      'privacy.not-finite',
      'A value is not finite, or too large beside its noise.',
      'Clip contributions before they are summed.',
    );
  }
  addNoise(steps, noiseSampler('discrete-gaussian', VARIANCE), random);
  return {
    values: steps.map((count) => count * step),
    event: {
      kind: 'discrete-gaussian',
      dimension: values.length,
      variance: STEPS_PER_DEVIATION ** 2,
      l2Sensitivity: STEPS_PER_DEVIATION / noiseMultiplier + Math.sqrt(values.length),
      relation,
      unit,
    },
  };
}
