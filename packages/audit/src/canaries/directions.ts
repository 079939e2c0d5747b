/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { uniformStream } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { CanaryOpening } from '@tutti/shared/rights';
import { seededRandomness } from '@tutti/simulation';

/** Numbers that all directions may hold together: 1 GiB. */
const MOST_NUMBERS = 2 ** 27;

/**
 * Directions of length 1, random and at right angles to one another as far as the dimension has room: then no canary hides another. Gram and
 * Schmidt, over vectors of random signs.
 *
 * @param uniforms - one a direction: each draws the signs of its own
 */
export function randomDirections(uniforms: readonly (() => number)[], dimension: number): Float64Array[] {
  const directions: Float64Array[] = [];
  for (const [index, uniform] of uniforms.entries()) {
    const direction = Float64Array.from({ length: dimension }, () => (uniform() < 0.5 ? -1 : 1));
    // Half of the dimensions: beyond, what is left over of a vector would be rounding errors more and more.
    if (index < dimension / 2)
      for (const other of directions) subtract(direction, other, dot(direction, other));
    const norm = Math.sqrt(dot(direction, direction));
    directions.push(direction.map((value) => value / norm));
  }
  return directions;
}

/**
 * The directions of canaries as their seeds have them.
 * @throws {Refusal} `audit.too-large` where they would not fit into memory
 */
export function directionsOf({ canaries }: CanaryOpening, dimension: number): Float64Array[] {
  if (canaries.length * dimension > MOST_NUMBERS) {
    throw new Refusal(
      'audit.too-large',
      `${canaries.length} directions of ${dimension} numbers do not fit into memory.`,
      `Put at most ${Math.floor(MOST_NUMBERS / dimension)} canaries into a job of such a model.`,
    );
  }
  const uniforms = canaries.map(({ seed }) =>
    uniformStream(seededRandomness(seed).stream('canary/direction')),
  );
  return randomDirections(uniforms, dimension);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

function subtract(target: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++) target[index]! -= factor * other[index]!;
}
