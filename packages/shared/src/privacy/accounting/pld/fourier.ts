import FFT from 'fft.js';

/** Transforms up to this size are kept; larger tables would hold tens of megabytes. */
const LARGEST_KEPT = 2 ** 19;
const kept = new Map<number, FFT>();

function transformOf(size: number): FFT {
  const known = kept.get(size);
  if (known) return known;
  const transform = new FFT(size);
  if (size <= LARGEST_KEPT) kept.set(size, transform);
  return transform;
}

/**
 * The cyclic law of a sum of independent integers: each summand is a sequence of `size` masses, taken `count` times.
 *
 * @param summands - sequences of equal length, a power of two
 * @returns the masses of the sum modulo that length; rounding may leave some slightly negative
 */
export function cyclicPower(
  size: number,
  summands: readonly { readonly masses: Float64Array; readonly count: number }[],
): Float64Array {
  const transform = transformOf(size);
  const half = size / 2;
  const logModulus = new Float64Array(half + 1);
  const angle = new Float64Array(half + 1);
  const spectrum = new Float64Array(2 * size);
  for (const { masses, count } of summands) {
    transform.realTransform(spectrum, masses);
    for (let k = 0; k <= half; k += 1) {
      const re = spectrum[2 * k] ?? 0;
      const im = spectrum[2 * k + 1] ?? 0;
      logModulus[k] = (logModulus[k] ?? 0) + (count / 2) * Math.log(re * re + im * im);
      angle[k] = (angle[k] ?? 0) + count * Math.atan2(im, re);
    }
  }
  for (let k = 0; k <= half; k += 1) {
    const modulus = Math.exp(logModulus[k] ?? 0);
    const re = modulus === 0 ? 0 : modulus * Math.cos(angle[k] ?? 0);
    const im = modulus === 0 ? 0 : modulus * Math.sin(angle[k] ?? 0);
    spectrum[2 * k] = re;
    spectrum[2 * k + 1] = im;
    if (k > 0 && k < half) {
      spectrum[2 * (size - k)] = re;
      spectrum[2 * (size - k) + 1] = -im;
    }
  }
  const result = new Float64Array(2 * size);
  transform.inverseTransform(result, spectrum);
  return Float64Array.from({ length: size }, (_, k) => result[2 * k] ?? 0);
}
