import type { RandomSource } from '../../crypto/random.js';
import { Refusal } from '../../errors.js';
import {
  bufferedCoefficients,
  factorisationSensitivitySquared,
  type MatrixFactorisationEvent,
  type NeighbouringRelation,
  type PrivacyUnit,
} from '../accounting/index.js';
import { addNoise, noiseSampler } from './noise.js';
import { rational } from './rational.js';

/** Grid steps in one deviation: finer than for a single release, since rounding adds up over the rounds. */
const STEPS_PER_DEVIATION = 2 ** 26;
const VARIANCE = rational(BigInt(STEPS_PER_DEVIATION) ** 2n, 1n);
const LARGEST_STEPS = 2 ** 52;

/**
 * How the noise of a round is taken from that of the rounds before: the first column of a lower triangular Toeplitz matrix C, with
 * c_0 = 1.
 *
 * - `banded`: c_0, c_1, ..., then zeros; remembers one vector less than there are bands
 * - `buffered`: c_t = sum over j of weights_j decays_j^(t-1); remembers one vector a buffer
 */
export type Correlation =
  | { readonly kind: 'banded'; readonly coefficients: readonly number[] }
  | { readonly kind: 'buffered'; readonly weights: readonly number[]; readonly decays: readonly number[] };

export interface CorrelatedGaussianOptions {
  readonly dimension: number;
  /** L2 bound on what one unit adds to the sum of one round. */
  readonly clipNorm: number;
  /** Deviation of the noise z over the clip norm. */
  readonly noiseMultiplier: number;
  readonly correlation: Correlation;
  /** Rounds at the most. */
  readonly rounds: number;
  /** Least number of rounds from one participation of a unit to its next. */
  readonly minimumGap: number;
  readonly maximumParticipations: number;
  readonly relation: NeighbouringRelation;
  readonly unit: PrivacyUnit;
}

/** What the past of a stream adds to its present: the sum over i >= 1 of c_i v_(t-i). */
interface Memory {
  /** Adds the past to `into`, `sign` times. */
  add(into: Float64Array, sign: 1 | -1): void;
  push(values: Float64Array): void;
}

function memoryOf(correlation: Correlation, dimension: number): Memory {
  if (correlation.kind === 'banded') {
    const past: Float64Array[] = [];
    const later = correlation.coefficients.slice(1);
    return {
      add: (into, sign) => past.forEach((values, age) => accumulate(into, values, sign * (later[age] ?? 0))),
      push(values) {
        past.unshift(values.slice());
        past.length = Math.min(past.length, later.length);
      },
    };
  }
  const { weights, decays } = correlation;
  const buffers = weights.map(() => new Float64Array(dimension));
  return {
    add: (into, sign) => buffers.forEach((buffer, j) => accumulate(into, buffer, sign * (weights[j] ?? 0))),
    push: (values) =>
      buffers.forEach((buffer, j) => {
        for (let index = 0; index < dimension; index++) {
          buffer[index] = (decays[j] ?? 0) * (buffer[index] as number) + (values[index] as number);
        }
      }),
  };
}

function accumulate(into: Float64Array, values: Float64Array, factor: number): void {
  for (let index = 0; index < into.length; index++)
    into[index] = (into[index] as number) + factor * (values[index] as number);
}

/**
 * Correlated noise by a trusted coordinator (DP-FTRL; Denisov et al. 2022, arXiv 2202.08312): of a stream x of sums, `C x + z` is
 * released, and each round gets its part of `x + C^-1 z`, whose noise partly cancels over the rounds. No sampling is assumed.
 *
 * As with a single release, only whole numbers of grid steps get noise, from the exact sampler; C x is rounded to the grid, which
 * moves two neighbours apart by at most `sqrt(dimension * rounds)` steps over all rounds.
 */
export class CorrelatedGaussian {
  private readonly step: number;
  private readonly sums: Memory;
  private readonly released: Memory;
  private round = 0;

  /** What all rounds together cost. */
  readonly event: MatrixFactorisationEvent;

  /**
   * @throws {Refusal} `privacy.plan-input` where clip norm or noise multiplier is not positive, or c_0 is not 1;
   * `privacy.unsupported-event` where the sensitivity is not known
   */
  constructor(private readonly options: CorrelatedGaussianOptions) {
    const { dimension, clipNorm, noiseMultiplier, correlation, rounds } = options;
    this.step = (clipNorm * noiseMultiplier) / STEPS_PER_DEVIATION;
    const coefficients =
      correlation.kind === 'banded'
        ? correlation.coefficients
        : bufferedCoefficients(correlation.weights, correlation.decays, rounds);
    if (!(clipNorm > 0 && noiseMultiplier > 0 && Number.isFinite(this.step) && coefficients[0] === 1)) {
      throw new Refusal(
        'privacy.plan-input',
        'Clip norm and noise multiplier must be positive, and the first coefficient 1.',
        'Correct the job’s privacy settings.',
      );
    }
    this.sums = memoryOf(correlation, dimension);
    this.released = memoryOf(correlation, dimension);
    this.event = eventOf(options, coefficients);
  }

  /**
   * The next round's sum with its noise.
   * @param sum - of clipped contributions; not changed
   * @throws {Refusal} `privacy.rounds` after the last round; `privacy.update-length`; `privacy.not-finite` where a value is not finite or
   * too large beside its noise
   */
  add(sum: Float64Array, random: RandomSource): Float64Array {
    if (this.round === this.options.rounds) {
      throw new Refusal(
        'privacy.rounds',
        'All rounds that the noise was planned for are over.',
        'Plan for more rounds.',
      );
    }
    if (sum.length !== this.options.dimension) {
      throw new Refusal(
        'privacy.update-length',
        `The sum has ${sum.length} values; the noise is for ${this.options.dimension}.`,
        'Keep to one model in a job.',
      );
    }
    const mixed = sum.slice();
    this.sums.add(mixed, 1);
    const steps = mixed.map((value) => Math.round(value / this.step));
    if (!steps.every((count) => Math.abs(count) < LARGEST_STEPS)) {
      throw new Refusal(
        'privacy.not-finite',
        'A value is not finite, or too large beside its noise.',
        'Clip contributions before they are summed.',
      );
    }
    addNoise(steps, noiseSampler('discrete-gaussian', VARIANCE), random);
    const noisy = steps.map((count) => count * this.step);
    this.released.add(noisy, -1);
    this.sums.push(sum);
    this.released.push(noisy);
    this.round++;
    return noisy;
  }
}

/** The multiplier is lowered by what rounding to the grid adds to the sensitivity of C x. */
function eventOf(
  options: CorrelatedGaussianOptions,
  coefficients: readonly number[],
): MatrixFactorisationEvent {
  const { dimension, noiseMultiplier, rounds, minimumGap, maximumParticipations, relation, unit } = options;
  const event = {
    kind: 'matrix-factorisation',
    noiseMultiplier,
    coefficients,
    rounds,
    minimumGap,
    maximumParticipations,
    relation,
    unit,
  } as const;
  const sensitivity = Math.sqrt(factorisationSensitivitySquared(event)) / noiseMultiplier;
  const rounding = Math.sqrt(dimension * rounds) / STEPS_PER_DEVIATION;
  return { ...event, noiseMultiplier: (noiseMultiplier * sensitivity) / (sensitivity + rounding) };
}
