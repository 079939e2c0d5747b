/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */

/** One equation of a weighted least-squares problem. */
export interface Equation {
  readonly weight: number;
  readonly coefficients: ArrayLike<number>;
  readonly target: number;
}

/**
 * The x of `unknowns` numbers that minimises the sum of weight (coefficients x - target)^2, plus `ridge` |x|^2, by the normal
 * equations and Cholesky's factor of them. Directions that no equation determines are left at zero.
 */
export function leastSquares(unknowns: number, equations: Iterable<Equation>, ridge = 0): Float64Array {
  const matrix = Array.from({ length: unknowns }, () => new Float64Array(unknowns));
  const right = new Float64Array(unknowns);
  for (const { weight, coefficients, target } of equations) {
    for (let i = 0; i < unknowns; i++) {
      const scaled = weight * coefficients[i]!;
      if (scaled === 0) continue;
      right[i]! += scaled * target;
      const row = matrix[i]!;
      for (let j = 0; j <= i; j++) row[j]! += scaled * coefficients[j]!;
    }
  }
  for (let i = 0; i < unknowns; i++) matrix[i]![i]! += ridge;
  return solvePositive(matrix, right);
}

/** Solves A x = b, A symmetric and positive semidefinite, of which the lower triangle is read and written over. */
function solvePositive(matrix: readonly Float64Array[], right: Float64Array): Float64Array {
  const size = right.length;
  const floor = 1e-13 * matrix.reduce((largest, row, i) => Math.max(largest, row[i]!), 0);
  for (let j = 0; j < size; j++) {
    const row = matrix[j]!;
    let pivot = row[j]!;
    for (let k = 0; k < j; k++) pivot -= row[k]! ** 2;
    row[j] = pivot > floor ? Math.sqrt(pivot) : 0;
    for (let i = j + 1; i < size; i++) {
      const below = matrix[i]!;
      let value = below[j]!;
      for (let k = 0; k < j; k++) value -= below[k]! * row[k]!;
      below[j] = row[j] === 0 ? 0 : value / row[j]!;
    }
  }
  const x = right.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= matrix[i]![k]! * x[k]!;
    x[i] = matrix[i]![i] === 0 ? 0 : x[i]! / matrix[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= matrix[k]![i]! * x[k]!;
    x[i] = matrix[i]![i] === 0 ? 0 : x[i]! / matrix[i]![i]!;
  }
  return x;
}
