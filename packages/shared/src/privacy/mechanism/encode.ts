import type { Primitives } from '../../crypto/primitives.js';
import type { RandomSource } from '../../crypto/random.js';
import { Refusal } from '../../errors.js';
import { addNoise, noiseSampler } from './noise.js';
import type { EncodingPlan, LaneBits } from './plan.js';
import { localVarianceFraction } from './release.js';
import { rotate, unrotate } from './rotate.js';
import { roundDithered, roundWithinBound } from './round.js';

/** Residues modulo 2^8, 2^16 or 2^32. */
export type Residues = Uint8Array | Uint16Array | Uint32Array;

export interface EncodeOptions {
  /** 32 bytes: public, fresh every round, the same for the cohort. */
  readonly rotationSeed: Uint8Array;
  /** Clients that shared keys in this round, |U2|: the noise is this client's share of it. */
  readonly sharers: number;
  /** Draws rounding and noise. */
  readonly random: RandomSource;
  readonly primitives: Pick<Primitives, 'sha256'>;
  /** False leaves the noise out: for measuring what it costs. Nothing encoded so may leave a client. */
  readonly noise?: false;
}

/** L2 norm, scaled against overflow of the squares. NaN where a value is not finite. */
export function l2Norm(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) {
    const magnitude = Math.abs(values[index] as number);
    if (!(magnitude <= Number.MAX_VALUE)) return NaN;
    if (magnitude > largest) largest = magnitude;
  }
  if (largest === 0) return 0;
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += ((values[index] as number) / largest) ** 2;
  return largest * Math.sqrt(sum);
}

function residues(length: number, laneBits: LaneBits): Residues {
  return laneBits === 8
    ? new Uint8Array(length)
    : laneBits === 16
      ? new Uint16Array(length)
      : new Uint32Array(length);
}

/**
 * One client's contribution: clipped to the clip norm, rotated, scaled, rounded within the bound, with this client's share of the
 * noise added, modulo 2^laneBits. Synchronous.
 *
 * @param update - `plan.dimension` finite numbers; not changed
 * @returns `plan.paddedDimension` residues, uniform to nobody yet: to be masked before they leave
 * @throws {Refusal} `privacy.update-length`, `privacy.not-finite`, `privacy.sharers`, `privacy.rotation-seed`; `privacy.norm-exceeded`
 * where the rounded vector exceeds the bound that the privacy proof rests on
 */
export function encode(
  plan: EncodingPlan,
  update: Float32Array | Float64Array,
  options: EncodeOptions,
): Residues {
  if (update.length !== plan.dimension) {
    throw new Refusal(
      'privacy.update-length',
      `The update has ${update.length} values; the plan is for ${plan.dimension}.`,
      'Train the model that the job names.',
    );
  }
  const norm = l2Norm(update);
  if (Number.isNaN(norm)) {
    throw new Refusal(
      'privacy.not-finite',
      'The update holds a value that is not a finite number.',
      'Lower the client’s learning rate, or check its data for missing values.',
    );
  }
  const factor = norm > plan.clipNorm ? plan.clipNorm / norm : 1;
  const values = Float64Array.from(update);
  for (let index = 0; index < values.length; index++) values[index] = (values[index] as number) * factor;
  rotate(values, plan.blockLength, options.rotationSeed, options.primitives);
  const round = plan.unitNorm === undefined ? roundWithinBound : roundDithered;
  const rounded = round(plan, values, options.random);

  const whole = new Float64Array(plan.paddedDimension);
  whole.set(rounded);
  if (plan.clipBit !== undefined) {
    whole[plan.dimension] = norm <= plan.clipNorm ? plan.clipBit.amplitude : -plan.clipBit.amplitude;
  }
  if (options.noise !== false && plan.noiseLaw !== 'none') {
    addNoise(
      whole,
      noiseSampler(plan.noiseLaw, localVarianceFraction(plan, options.sharers)),
      options.random,
    );
  }
  const lanes = residues(plan.paddedDimension, plan.laneBits);
  // Writing a whole number into an unsigned lane reduces it modulo 2^laneBits (ECMA-262, ToUint8, ToUint16, ToUint32).
  lanes.set(whole);
  return lanes;
}

/** The sum's residues as signed whole numbers. */
export function unwrap(plan: EncodingPlan, sum: Residues): Float64Array {
  if (sum.length !== plan.paddedDimension || sum.BYTES_PER_ELEMENT * 8 !== plan.laneBits) {
    throw new Refusal(
      'privacy.sum-shape',
      `The sum has ${sum.length} lanes of ${sum.BYTES_PER_ELEMENT * 8} bits; the plan is for ${plan.paddedDimension} of ${plan.laneBits}.`,
      'Decode with the plan that the round was opened with.',
    );
  }
  const half = 2 ** (plan.laneBits - 1);
  return Float64Array.from(sum, (residue) => (residue >= half ? residue - 2 * half : residue));
}

/**
 * The sum of the clipped updates, with noise: residues of the sum to signed numbers, unscaled, rotated back. Post-processing: it
 * costs no privacy.
 * @param sum - `plan.paddedDimension` residues
 * @returns `plan.dimension` numbers
 * @throws {Refusal} `privacy.sum-shape`, `privacy.rotation-seed`
 */
export function decode(
  plan: EncodingPlan,
  sum: Residues,
  options: Pick<EncodeOptions, 'rotationSeed' | 'primitives'>,
): Float64Array {
  const values = unwrap(plan, sum).slice(0, plan.dimension);
  for (let index = 0; index < values.length; index++) values[index] = (values[index] as number) / plan.scale;
  unrotate(values, plan.blockLength, options.rotationSeed, options.primitives);
  return values;
}
