/** Rows of a CSV file of numbers whose last column is the class: 0, 1, … Nothing of a wrong cell is repeated: it is private. */
export function parseTable(text, name) {
  const [header, ...rows] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const last = header.length - 1;
  if (last < 1)
    throw { message: `${name} has one column.`, remedy: 'Give columns of numbers, the class last.' };
  return rows.map((cells, row) => {
    const numbers = cells.map((cell) => (cell.trim() === '' ? NaN : Number(cell)));
    const wrong = numbers.findIndex((value, column) =>
      column === last ? !(Number.isInteger(value) && value >= 0) : !Number.isFinite(value),
    );
    if (wrong >= 0 || cells.length !== header.length) {
      throw {
        message: `${name}, line ${row + 2}${wrong >= 0 ? `, column “${header[wrong] ?? wrong + 1}”` : ''}: not a row of numbers and a class.`,
        remedy: 'Every row has as many cells as the header; the last is the class, a whole number from 0 on.',
      };
    }
    return { features: Float32Array.from(numbers.slice(0, last)), label: numbers[last] };
  });
}
