import { deltaFigure } from '@tutti/shared/privacy';

/** A fraction as a percentage: `88.4 %`. */
export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)} %`;
}

/** A probability too small for a percentage, rounded up: `2 × 10⁻⁴`. */
export function smallProbability(value: number): string {
  const [digits = '', exponent = ''] = deltaFigure(value).split('e');
  const raised = exponent
    .replace('-', '⁻')
    .replace('+', '')
    .replaceAll(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(Number(digit)));
  return `${digits.replace(/\.0$/, '')} × 10${raised}`;
}

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
