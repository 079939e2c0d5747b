import type { Primitives } from '../../crypto/primitives.js';
import { Refusal } from '../../errors.js';

/** Blocks longer than this would leave the processor's cache, and are flat enough. */
const LONGEST_BLOCK = 65_536;
const SEED_BYTES = 32;
const DOMAIN = new TextEncoder().encode('tutti/rotation-signs/v1');

/** Length of the Hadamard blocks for vectors of this dimension: the largest power of two that fits, at most 2^16. */
export function blockLengthOf(dimension: number): number {
  return Math.min(LONGEST_BLOCK, 2 ** Math.floor(Math.log2(dimension)));
}

/**
 * Where the blocks begin, in the order in which they are applied: side by side from the start, then, where a rest is left, one
 * more that ends at the vector's end and overlaps its neighbour. Each block is orthogonal, so the whole is, and nothing is padded.
 */
function blockStarts(dimension: number, blockLength: number): number[] {
  const whole = Math.floor(dimension / blockLength);
  const starts = Array.from({ length: whole }, (_, index) => index * blockLength);
  if (whole * blockLength < dimension) starts.push(dimension - blockLength);
  return starts;
}

/** `length` public random bits: SHA-256 over domain, seed and counter, one block after the other. */
function signBits(seed: Uint8Array, length: number, primitives: Pick<Primitives, 'sha256'>): Uint8Array {
  if (seed.length !== SEED_BYTES) {
    throw new Refusal(
      'privacy.rotation-seed',
      `The rotation seed has ${seed.length} bytes; it must have ${SEED_BYTES}.`,
      'Draw a fresh public seed of 32 bytes for the round.',
    );
  }
  const bytes = new Uint8Array(Math.ceil(length / 256) * 32);
  const counter = new Uint8Array(4);
  for (let block = 0; block * 32 < bytes.length; block++) {
    new DataView(counter.buffer).setUint32(0, block, true);
    bytes.set(primitives.sha256(DOMAIN, seed, counter), block * 32);
  }
  return bytes;
}

function flipSigns(
  values: Float64Array,
  start: number,
  length: number,
  bits: Uint8Array,
  firstBit: number,
): void {
  for (let index = 0; index < length; index++) {
    const bit = firstBit + index;
    const negative = ((bits[bit >>> 3] as number) >>> (bit & 7)) & 1;
    values[start + index] = (values[start + index] as number) * (1 - 2 * negative);
  }
}

/** Orthonormal Walsh-Hadamard transform of `values[start .. start + length)`, in place; `length` is a power of two. */
function hadamard(values: Float64Array, start: number, length: number): void {
  const end = start + length;
  const norm = 1 / Math.sqrt(length);
  for (let index = start; index < end; index++) values[index] = (values[index] as number) * norm;
  let half = 1;
  // Two levels at a time: half the passes over memory.
  for (; half * 4 <= length; half *= 4) {
    for (let block = start; block < end; block += 4 * half) {
      for (let index = block; index < block + half; index++) {
        const a = values[index] as number;
        const b = values[index + half] as number;
        const c = values[index + 2 * half] as number;
        const d = values[index + 3 * half] as number;
        const ab = a + b;
        const aMinusB = a - b;
        const cd = c + d;
        const cMinusD = c - d;
        values[index] = ab + cd;
        values[index + half] = aMinusB + cMinusD;
        values[index + 2 * half] = ab - cd;
        values[index + 3 * half] = aMinusB - cMinusD;
      }
    }
  }
  if (half < length) {
    for (let index = start; index < start + half; index++) {
      const a = values[index] as number;
      const b = values[index + half] as number;
      values[index] = a + b;
      values[index + half] = a - b;
    }
  }
}

/**
 * Randomised Hadamard rotation, in place: every block is multiplied by random signs and transformed (`x -> H D x / sqrt(m)`;
 * Kairouz, Liu, Steinke 2021, section 5). Norms stay; whatever the input, each coordinate of the result is at most
 * `k ||x|| / sqrt(m)` but with probability `2 exp(-k^2 / 2)` over the seed (Hoeffding).
 * @param seed - 32 bytes, public, fresh every round, the same for the cohort
 * @throws {Refusal} `privacy.rotation-seed` where the seed has another length
 */
export function rotate(
  values: Float64Array,
  blockLength: number,
  seed: Uint8Array,
  primitives: Pick<Primitives, 'sha256'>,
): void {
  const starts = blockStarts(values.length, blockLength);
  const bits = signBits(seed, starts.length * blockLength, primitives);
  starts.forEach((start, block) => {
    flipSigns(values, start, blockLength, bits, block * blockLength);
    hadamard(values, start, blockLength);
  });
}

/** The inverse of {@link rotate}. */
export function unrotate(
  values: Float64Array,
  blockLength: number,
  seed: Uint8Array,
  primitives: Pick<Primitives, 'sha256'>,
): void {
  const starts = blockStarts(values.length, blockLength);
  const bits = signBits(seed, starts.length * blockLength, primitives);
  for (let block = starts.length - 1; block >= 0; block--) {
    const start = starts[block] as number;
    hadamard(values, start, blockLength);
    flipSigns(values, start, blockLength, bits, block * blockLength);
  }
}
