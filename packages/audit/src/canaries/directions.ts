/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */

/**
 * Directions of length 1, random and at right angles to one another as far as the dimension has room: then no canary hides another. Gram and
 * Schmidt, over vectors of random signs.
 *
 * @param uniform - draws the signs
 */
export function randomDirections(count: number, dimension: number, uniform: () => number): Float64Array[] {
  const directions: Float64Array[] = [];
  for (let index = 0; index < count; index++) {
    const direction = Float64Array.from({ length: dimension }, () => (uniform() < 0.5 ? -1 : 1));
    // Half of the dimensions: beyond, what is left over of a vector would be rounding errors more and more.
    if (index < dimension / 2)
      for (const other of directions) subtract(direction, other, dot(direction, other));
    const norm = Math.sqrt(dot(direction, direction));
    directions.push(direction.map((value) => value / norm));
  }
  return directions;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

function subtract(target: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++) target[index]! -= factor * other[index]!;
}
