/** Pearson's correlation of two vectors: 1 where one is the other but for brightness and contrast, about 0 where they have nothing in common. */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [centred(a), centred(b)];
  const product = (u: Float64Array, v: Float64Array) =>
    u.reduce((sum, value, index) => sum + value * (v[index] ?? 0), 0);
  const size = Math.sqrt(product(x, x) * product(y, y));
  return size > 0 ? product(x, y) / size : 0;
}

function centred(values: ArrayLike<number>): Float64Array {
  const numbers = Float64Array.from(values);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return numbers.map((value) => value - mean);
}
