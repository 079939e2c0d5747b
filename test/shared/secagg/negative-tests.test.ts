import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const table = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const rows = [...table.matchAll(/^\|\s*(\d+)\s*\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
  ([, number, attack, file, name]) => ({
    number: Number(number),
    attack: attack?.trim(),
    file: file?.trim(),
    name: name?.trim() ?? '',
  }),
);

describe('the list of negative tests', () => {
  it('has a test for each of the 44 that concern this protocol', () => {
    const numbers = [...new Set(rows.map(({ number }) => number))];
    expect(numbers).toEqual(Array.from({ length: 44 }, (_, index) => index + 1));
  });

  it.each(rows)('$number: $attack: “$name” is a test of $file', ({ file, name }) => {
    const source = readFileSync(new URL(`${file}.test.ts`, import.meta.url), 'utf8');
    const title = source.includes(`'${name}'`) || source.includes(`\`${name}\``);
    expect(title, `${name} in ${file}`).toBe(true);
  });
});
