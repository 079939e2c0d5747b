/** A fraction as a percentage: `88.4 %`. */
export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)} %`;
}

/** An ε; ∞ where no bound can be given. JSON has no infinity, so a stored one comes back as null. */
export function epsilonFigure(epsilon: number | null): string {
  return epsilon === null || !Number.isFinite(epsilon) ? '∞' : epsilon.toFixed(2);
}

/** A probability too small for a percentage: `2 × 10⁻⁴`. */
export function smallProbability(value: number): string {
  const [digits = '', exponent = ''] = value.toExponential(1).split('e');
  const raised = exponent.replace('+', '').replaceAll(/[-\d]/g, (sign) => superscripts[sign] ?? sign);
  return `${digits.replace(/\.0$/, '')} × 10${raised}`;
}

const superscripts: Readonly<Record<string, string>> = Object.fromEntries(
  [...'-0123456789'].map((sign, at) => [sign, '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[at] ?? sign]),
);

/** A duration: `8.4 s`, `1 min 5 s`, `2 h 3 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A count with its thousands apart: `101,770`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
