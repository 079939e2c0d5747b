import { Refusal } from '../errors.js';
import { invert, multiply, reduce } from './field.js';
import { fromLimbs, LIMBS } from './limbs.js';
import {
  at,
  divide,
  evaluatePolynomial,
  subtractProduct,
  trim,
  vanishingPolynomial,
  type Polynomial,
} from './polynomial.js';
import { decodeShare, requirePoints, tooFew, type Share } from './shamir.js';

/** A secret recovered in spite of wrong shares. */
export interface Recovery {
  readonly secret: Uint8Array;
  /** The points of the holders whose shares were wrong, ascending. */
  readonly wrong: readonly number[];
}

/**
 * The secret behind `shares`, of which up to floor((r - threshold) / 2) may be wrong, r being the number of well-formed
 * shares: Shamir's shares are a Reed-Solomon code word (McEliece and Sarwate, "On sharing secrets and Reed-Solomon
 * codes", CACM 1981), decoded limb by limb with Gao's algorithm ("A new algorithm for decoding Reed-Solomon codes", 2003).
 * A share that has not 36 bytes or holds a value of 32771 or more is named among the wrong ones and not counted in r.
 *
 * Where more shares are wrong than can be corrected, the result may be another secret: compare it with a commitment or
 * public key.
 *
 * @throws {Refusal} `shamir.too-few` where fewer than `threshold` shares are well-formed, `shamir.uncorrectable` where
 * too many are wrong, `shamir.limb` where the result is not a 32-byte secret, `shamir.parameters` where a point is out
 * of range or twice there.
 */
export function recoverSecret(shares: readonly Share[], threshold: number): Recovery {
  requirePoints(shares.map((share) => share.x));
  const wrong = new Set<number>();
  const received: { x: number; values: Float64Array }[] = [];
  for (const { x, value } of shares) {
    const values = decodeShare(value);
    if (values === undefined) wrong.add(x);
    else received.push({ x, values });
  }
  if (received.length < threshold) throw tooFew(received.length, threshold);

  const xs = received.map(({ x }) => x);
  const vanishing = vanishingPolynomial(xs);
  const secret = Float64Array.from(
    interpolateLimbs(
      xs,
      received.map(({ values }) => values),
      vanishing,
    ),
    (interpolated, limb) => {
      const { polynomial, locator } = decode(vanishing, interpolated, threshold);
      for (const { x, values } of received) {
        if (evaluatePolynomial(locator, x) !== 0) continue;
        if (evaluatePolynomial(polynomial, x) !== at(values, limb)) wrong.add(x);
      }
      return at(polynomial, 0);
    },
  );
  for (const { values } of received) values.fill(0);
  const recovered = fromLimbs(secret);
  secret.fill(0);
  return { secret: recovered, wrong: [...wrong].sort((a, b) => a - b) };
}

/** For each limb the polynomial of degree below r through all that was received. */
function interpolateLimbs(
  xs: readonly number[],
  values: readonly Float64Array[],
  vanishing: Polynomial,
): readonly Polynomial[] {
  const sums = Array.from({ length: LIMBS }, () => new Float64Array(xs.length));
  const basis = new Float64Array(xs.length);
  xs.forEach((x, i) => {
    // The vanishing polynomial without its root x, by synthetic division.
    let carried = 0;
    for (let j = xs.length; j > 0; j--) {
      carried = reduce(at(vanishing, j) + carried * x);
      basis[j - 1] = carried;
    }
    const weight = invert(evaluatePolynomial(basis, x));
    sums.forEach((sum, limb) => {
      const factor = multiply(weight, values[i]?.[limb] ?? 0);
      // At most 32770 products below 2^31 are added up before the reduction: exact in a double.
      for (let j = 0; j < sum.length; j++) sum[j] = at(sum, j) + factor * at(basis, j);
    });
  });
  return sums.map((sum) => trim(sum.map(reduce)));
}

/**
 * Gao's algorithm: the Euclidean algorithm on the vanishing polynomial and the interpolated one, stopped half-way.
 * The locator's roots include every point where the received value was wrong.
 */
function decode(
  vanishing: Polynomial,
  interpolated: Polynomial,
  threshold: number,
): { polynomial: Polynomial; locator: Polynomial } {
  const received = vanishing.length - 1;
  let previous = vanishing;
  let current = interpolated;
  let previousLocator: Polynomial = new Float64Array(0);
  let locator: Polynomial = Float64Array.of(1);
  while (2 * (current.length - 1) >= received + threshold) {
    const { quotient, remainder } = divide(previous, current);
    [previous, current] = [current, remainder];
    [previousLocator, locator] = [locator, subtractProduct(previousLocator, quotient, locator)];
  }
  const { quotient, remainder } = divide(current, locator);
  if (remainder.length > 0 || quotient.length > threshold) {
    throw new Refusal(
      'shamir.uncorrectable',
      `More than ${Math.floor((received - threshold) / 2)} of ${received} shares are wrong.`,
      'Gather shares from more holders, or give the round up.',
    );
  }
  return { polynomial: quotient, locator };
}
