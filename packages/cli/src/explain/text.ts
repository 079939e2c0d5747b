import type { Explanation } from './explanation.js';

const SHOWN = 15;
const HALF = 18;

/** An explanation as text: a bar a feature, the strongest first; images as shades. */
export function explanationLines(explanation: Explanation): string[] {
  const { how, label, row, base, score, background, values, notes, image, method } = explanation;
  const what = row === undefined ? 'all rows' : `row ${row}`;
  const scores = [
    ...(base === undefined ? [] : [`base ${base.toFixed(4)}`]),
    ...(score === undefined ? [] : [`score ${score.toFixed(4)}`]),
  ];
  return [
    `${how}.`,
    `Class ${label}, ${what}${scores.length === 0 ? '' : `: ${scores.join(', ')}`}. Background: ${background}.`,
    '',
    ...(image === undefined
      ? bars(values, method !== 'dependence')
      : shades(
          values.map(({ value }) => value),
          image.width,
        )),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ];
}

function bars(values: Explanation['values'], strongestFirst: boolean): string[] {
  const ordered = strongestFirst ? [...values].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)) : values;
  const shown = strongestFirst ? ordered.slice(0, SHOWN) : ordered;
  const rest = ordered.slice(shown.length);
  const widest = Math.max(...shown.map(({ name }) => name.length));
  const largest = Math.max(...shown.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  const lines = shown.map(({ name, value, detail }) => {
    const length = Math.round((Math.abs(value) / largest) * HALF);
    const bar = '█'.repeat(length);
    const drawn =
      value < 0 ? `${bar.padStart(HALF)}│${' '.repeat(HALF)}` : `${' '.repeat(HALF)}│${bar.padEnd(HALF)}`;
    return `${name.padStart(widest)}  ${drawn}  ${signed(value)}${detail === undefined ? '' : ` ${detail}`}`;
  });
  const sum = rest.reduce((total, { value }) => total + value, 0);
  return rest.length === 0
    ? lines
    : [...lines, `${`${rest.length} others`.padStart(widest)}  ${' '.repeat(2 * HALF + 1)}  ${signed(sum)}`];
}

/** A shade a pixel: what speaks for the class in full blocks, what speaks against it in letters. */
function shades(values: readonly number[], width: number): string[] {
  const largest = Math.max(...values.map(Math.abs), Number.MIN_VALUE);
  const cells = values.map((value) => {
    const level = Math.round((Math.abs(value) / largest) * 4);
    return (value >= 0 ? ' ░▒▓█' : ' .-x#').charAt(level).repeat(2);
  });
  return Array.from(
    { length: Math.ceil(values.length / width) },
    (_, line) => `  │${cells.slice(line * width, (line + 1) * width).join('')}│`,
  ).concat('  ░▒▓█ speaks for the class, .-x# against it');
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
