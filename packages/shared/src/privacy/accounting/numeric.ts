/** ln(e^a + e^b), also where one of them is minus infinity. */
export function logAddExp(a: number, b: number): number {
  const high = Math.max(a, b);
  if (high === -Infinity || high === Infinity) return high;
  return high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/** ln(e^x - 1) for x >= 0; minus infinity at 0. */
export function logExpm1(x: number): number {
  return x > 37 ? x : Math.log(Math.expm1(x));
}

/** ln(1 - e^x) for x <= 0; minus infinity at 0. */
export function log1mExp(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

const logFactorials = [0];

/** ln(n!) for a whole n >= 0. */
function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k += 1) {
    logFactorials.push((logFactorials[k - 1] ?? 0) + Math.log(k));
  }
  return logFactorials[n] ?? 0;
}

/** ln of the binomial coefficient, for whole 0 <= k <= n. */
export function logBinomial(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}
