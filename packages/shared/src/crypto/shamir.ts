import { Refusal } from '../errors.js';
import { BoundedCache } from './bounded-cache.js';
import { invert, multiply, PRIME, reduce, subtract } from './field.js';
import { fromLimbs, LIMBS, SHARE_BYTES, toLimbs } from './limbs.js';
import type { RandomSource } from './random.js';

/** One holder's share of a 32-byte secret. */
export interface Share {
  /** The holder's public evaluation point, in 1..32770. */
  readonly x: number;
  /** 36 bytes: the 18 limb polynomials at `x`, each a little-endian u16 below 32771. */
  readonly value: Uint8Array;
}

/**
 * Shares a 32-byte secret so that any `threshold` shares give it back and fewer say nothing about it (Shamir, "How to
 * share a secret", CACM 1979), limb by limb over GF(32771).
 *
 * The coefficients are overwritten before it returns: with fewer shares than the threshold they would be as good as the secret.
 *
 * @param xs - the holders' points, distinct, in 1..32770; or how many holders there are, whose points are then 1, 2, …
 * @returns the shares in the order of `xs`
 * @throws {Refusal} `shamir.parameters` where the threshold is not in 1..number of holders, a point is out of range or
 * twice there, or the secret has not 32 bytes.
 */
export function splitSecret(
  secret: Uint8Array,
  threshold: number,
  xs: number | readonly number[],
  random: RandomSource,
): Share[] {
  const points = typeof xs === 'number' ? Array.from({ length: xs }, (_, i) => i + 1) : xs;
  if (secret.length !== 32) throw badParameters(`a secret has ${secret.length} bytes instead of 32`);
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > points.length) {
    throw badParameters(`threshold ${threshold} with ${points.length} holders`);
  }
  requirePoints(points);

  const coefficients = drawElements(random, LIMBS * threshold);
  // The constant terms are the secret; what was drawn in their place is dropped.
  const limbs = toLimbs(secret);
  coefficients.set(limbs);
  const values = new Float64Array(LIMBS);
  const shares = points.map((x) => ({ x, value: encodeShare(evaluate(coefficients, x, values)) }));
  for (const secretNumbers of [coefficients, limbs, values]) secretNumbers.fill(0);
  return shares;
}

/**
 * The secret behind the first `threshold` shares. All further shares are left unread: to use them against wrong ones,
 * see {@link recoverSecret}.
 *
 * The result is not known to be the secret that was shared: compare it with a commitment or public key.
 *
 * @throws {Refusal} `shamir.too-few` below the threshold, `shamir.parameters` where a point is out of range or twice
 * there, `shamir.share` where a share has not 36 bytes or holds a value of 32771 or more, `shamir.limb` where the
 * combination is not a 32-byte secret.
 */
export function combineShares(shares: readonly Share[], threshold: number): Uint8Array {
  if (!Number.isInteger(threshold) || threshold < 1) throw badParameters(`threshold ${threshold}`);
  if (shares.length < threshold) throw tooFew(shares.length, threshold);
  const used = shares.slice(0, threshold);
  const weights = lagrangeWeights(used.map((share) => share.x));
  const sums = new Float64Array(LIMBS);
  used.forEach((share, i) => {
    const values = decodeShare(share.value);
    if (values === undefined) throw badShare(share.x);
    const weight = weights[i] ?? 0;
    for (let limb = 0; limb < LIMBS; limb++) sums[limb] = (sums[limb] ?? 0) + (values[limb] ?? 0) * weight;
    values.fill(0);
  });
  sums.forEach((sum, limb) => (sums[limb] = reduce(sum)));
  const secret = fromLimbs(sums);
  sums.fill(0);
  return secret;
}

const weightsByPoints = new BoundedCache<Float64Array>(64);

/**
 * The weights w with f(0) = Σ w_i f(x_i) for every polynomial of degree below `xs.length`. Kept for the responder sets
 * that were asked for last, because a round asks for the same set many times.
 *
 * @throws {Refusal} `shamir.parameters` where a point is out of range or twice there.
 */
export function lagrangeWeights(xs: readonly number[]): Float64Array {
  requirePoints(xs);
  return weightsByPoints.get(String.fromCharCode(...xs), () => computeWeights(xs));
}

function computeWeights(xs: readonly number[]): Float64Array {
  const product = xs.reduce(multiply, 1);
  return Float64Array.from(xs, (x) => {
    // Π other / (other - x) over the other points; the product has x in it once more than the numerator should.
    let denominator = x;
    for (const other of xs) if (other !== x) denominator = multiply(denominator, subtract(other, x));
    return multiply(product, invert(denominator));
  });
}

/** The 18 polynomials at `x`, into `values`. `coefficients[j * 18 + limb]` belongs to x^j. */
function evaluate(coefficients: Float64Array, x: number, values: Float64Array): Float64Array {
  values.fill(0);
  let power = 1;
  for (let at = 0; at < coefficients.length; at += values.length) {
    for (let limb = 0; limb < values.length; limb++) {
      values[limb] = (values[limb] ?? 0) + (coefficients[at + limb] ?? 0) * power;
    }
    power = multiply(power, x);
  }
  // A sum of at most 32770 products below 2^31 is exact in a double.
  values.forEach((value, limb) => (values[limb] = reduce(value)));
  return values;
}

/** Uniform field elements: u16 draws, those from 32771 on rejected. */
function drawElements(random: RandomSource, count: number): Float64Array {
  const elements = new Float64Array(count);
  let filled = 0;
  while (filled < count) {
    // Half of all draws are rejected, so twice as many are wanted.
    const bytes = random.fill(new Uint8Array(4 * (count - filled)));
    for (let at = 0; at < bytes.length && filled < count; at += 2) {
      const draw = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      if (draw < PRIME) elements[filled++] = draw;
    }
    bytes.fill(0);
  }
  return elements;
}

function encodeShare(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(SHARE_BYTES);
  values.forEach((value, limb) => {
    bytes[2 * limb] = value & 0xff;
    bytes[2 * limb + 1] = value >>> 8;
  });
  return bytes;
}

/** The 18 values of a share, or undefined where it has not 36 bytes or a value is not a field element. */
export function decodeShare(share: Uint8Array): Float64Array | undefined {
  if (share.length !== SHARE_BYTES) return undefined;
  const values = new Float64Array(LIMBS);
  for (let limb = 0; limb < LIMBS; limb++) {
    const value = (share[2 * limb] ?? 0) | ((share[2 * limb + 1] ?? 0) << 8);
    if (value >= PRIME) return undefined;
    values[limb] = value;
  }
  return values;
}

/** @throws {Refusal} `shamir.parameters` unless the points are distinct integers in 1..32770. */
export function requirePoints(xs: readonly number[]): void {
  if (new Set(xs).size !== xs.length) throw badParameters('a point stands twice among the holders');
  const wrong = xs.find((x) => !Number.isInteger(x) || x < 1 || x >= PRIME);
  if (wrong !== undefined) throw badParameters(`point ${wrong} is not in 1..32770`);
}

export function tooFew(received: number, threshold: number): Refusal {
  return new Refusal(
    'shamir.too-few',
    `${received} usable shares were gathered where ${threshold} are needed.`,
    'Wait for more holders, or give the round up.',
  );
}

function badShare(x: number): Refusal {
  return new Refusal(
    'shamir.share',
    `The share of holder ${x} is malformed.`,
    'Leave this holder out, or recover with error correction.',
  );
}

function badParameters(found: string): Refusal {
  return new Refusal(
    'shamir.parameters',
    `Secret sharing was asked for with impossible parameters: ${found}.`,
    'Take a threshold in 1..holders and distinct points in 1..32770.',
  );
}
