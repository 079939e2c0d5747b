/** A standard normal draw: Box and Muller, 1958. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * The logarithm of a gamma draw of the given shape and scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables",
 * 2000; shapes below 1 by their section 6). In logarithms, as draws of small shape underflow.
 */
function logGamma(shape: number, uniform: () => number): number {
  if (shape < 1) return logGamma(shape + 1, uniform) + Math.log(1 - uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(uniform);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d) + Math.log(v);
  }
}

/** Proportions that sum to 1, from the symmetric Dirichlet distribution: small concentrations give a few large ones. */
export function dirichlet(length: number, concentration: number, uniform: () => number): Float64Array {
  const logs = Float64Array.from({ length }, () => logGamma(concentration, uniform));
  const largest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logs.map((value) => Math.exp(value - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}
