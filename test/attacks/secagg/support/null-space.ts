/** A large prime below 2^26, so that products of residues are exact. */
const PRIME = 67_108_859;

/**
 * The combinations of the rows that come to zero, as a basis in reduced echelon form; coefficients lie between -PRIME/2 and PRIME/2.
 * Computed modulo a large prime: a combination of small whole numbers that is zero is zero there too.
 *
 * @param rows - sparse: column to value
 */
export function nullSpace(rows: readonly ReadonlyMap<number, number>[], columns: number): number[][] {
  const size = rows.length;
  // Each row carries which combination of the first ones it is.
  const work = rows.map((row, index) => {
    const dense = new Array<number>(columns + size).fill(0);
    for (const [column, value] of row) dense[column] = residue(value);
    dense[columns + index] = 1;
    return dense;
  });
  eliminate(work, 0, columns);
  const zero = work.filter((row) => row.slice(0, columns).every((value) => value === 0));
  const basis = zero.map((row) => row.slice(columns));
  eliminate(basis, 0, size);
  return basis.map((row) => row.map((value) => (value > PRIME / 2 ? value - PRIME : value)));
}

/** Reduces in place to row echelon form in the columns from `first` to `end`. */
function eliminate(rows: number[][], first: number, end: number): void {
  let done = 0;
  for (let column = first; column < end && done < rows.length; column++) {
    const found = rows.findIndex((row, index) => index >= done && row[column] !== 0);
    if (found < 0) continue;
    const pivot = rows[found] ?? [];
    rows[found] = rows[done] ?? [];
    rows[done] = pivot;
    const inverse = power(pivot[column] ?? 1, PRIME - 2);
    pivot.forEach((value, index) => (pivot[index] = (value * inverse) % PRIME));
    rows.forEach((row, index) => {
      const factor = row[column] ?? 0;
      if (index === done || factor === 0) return;
      pivot.forEach((value, at) => {
        if (value !== 0) row[at] = residue((row[at] ?? 0) - ((factor * value) % PRIME));
      });
    });
    done++;
  }
}

function residue(value: number): number {
  return ((value % PRIME) + PRIME) % PRIME;
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}
