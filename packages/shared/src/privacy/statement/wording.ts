/** One fact of a statement. */
export interface StatementEntry {
  readonly label: string;
  readonly text: string;
}

/** One of the seventeen parts of a statement. */
export interface StatementItem {
  readonly number: number;
  readonly heading: string;
  readonly entries: readonly StatementEntry[];
}

export { epsilonText } from '../shown-figures.js';

/** A number for people: four significant digits, and powers of ten where it is very large or very small. */
export function numberText(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  return magnitude >= 1e7 || magnitude < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

export const percentText = (fraction: number): string => `${numberText(fraction * 100)}%`;

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
