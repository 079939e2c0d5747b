import { publicGenerator, shuffle, type Examples } from '@tutti/client/training';
import { Refusal } from '@tutti/shared/errors';
import { dirichlet } from './dirichlet.js';

export interface PartitionOptions {
  /** Dirichlet concentration of the classes within one client: 0.1 leaves most clients with one or two classes, 100 is nearly even. */
  readonly labelConcentration: number;
  /** Dirichlet concentration of the sizes of the clients, in the same sense. */
  readonly sizeConcentration: number;
  /** Public seed. The same seed gives the same split on one machine; it protects nobody. */
  readonly seed: number;
}

/**
 * Splits rows among clients unevenly, as in Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for
 * federated visual classification", 2019: each client draws its proportions of classes from a symmetric Dirichlet distribution, and
 * the sizes of the clients follow another. Every row goes to exactly one client and every client gets at least one. Places are filled in
 * random order, so that the shortage of classes that run out early falls on all clients alike.
 *
 * @returns for each client the indices of its rows, ascending
 * @throws Refusal `data.too-few` when there are fewer rows than clients
 */
export function partition(train: Examples, clients: number, options: PartitionOptions): number[][] {
  if (train.count < clients) {
    throw new Refusal(
      'data.too-few',
      `${train.count} rows cannot give each of ${clients} clients one.`,
      'Simulate fewer clients, or give more rows.',
    );
  }
  const uniform = publicGenerator(options.seed);
  const sizes = drawSizes(train.count, dirichlet(clients, options.sizeConcentration, uniform));
  const unused = rowsByClass(train.labels, uniform);
  const tastes = sizes.map(() => dirichlet(unused.length, options.labelConcentration, uniform));
  const places = Int32Array.from(sizes.flatMap((size, client) => Array.from({ length: size }, () => client)));
  const shares: number[][] = sizes.map(() => []);
  for (const client of shuffle(places, uniform)) {
    const rows = at(unused, pickClass(at(tastes, client), unused, uniform));
    at(shares, client).push(take(rows));
  }
  return shares.map((rows) => rows.sort((a, b) => a - b));
}

/** Whole sizes that sum to `rows`, as near to the proportions as rounding allows, none below 1. */
function drawSizes(rows: number, proportions: Float64Array): number[] {
  const exact = Array.from(proportions, (proportion) => proportion * rows);
  const sizes = exact.map(Math.floor);
  const byRemainder = exact
    .map((value, client) => ({ client, rest: value % 1 }))
    .sort((a, b) => b.rest - a.rest);
  let left = rows - sizes.reduce((a, b) => a + b, 0);
  for (const { client } of byRemainder) {
    if (left-- <= 0) break;
    sizes[client] = at(sizes, client) + 1;
  }
  for (let empty = sizes.indexOf(0); empty >= 0; empty = sizes.indexOf(0)) {
    const largest = sizes.indexOf(sizes.reduce((a, b) => Math.max(a, b)));
    sizes[largest] = at(sizes, largest) - 1;
    sizes[empty] = 1;
  }
  return sizes;
}

/** The rows of each class, in random order. */
function rowsByClass(labels: Int32Array, uniform: () => number): number[][] {
  const classes = labels.reduce((a, b) => Math.max(a, b), 0) + 1;
  const byClass: number[][] = Array.from({ length: classes }, () => []);
  const rows = Int32Array.from({ length: labels.length }, (_, row) => row);
  for (const row of shuffle(rows, uniform)) at(byClass, at(labels, row)).push(row);
  return byClass;
}

/** Draws a class by the client's taste among those that have rows left; where its taste leaves none, by what is left. */
function pickClass(
  taste: Float64Array,
  unused: readonly (readonly number[])[],
  uniform: () => number,
): number {
  const liked = unused.map((rows, label) => (rows.length > 0 ? at(taste, label) : 0));
  const weights = liked.some((weight) => weight > 0) ? liked : unused.map((rows) => rows.length);
  let mark = uniform() * weights.reduce((a, b) => a + b, 0);
  let picked = 0;
  for (const [label, weight] of weights.entries()) {
    if (weight === 0) continue;
    picked = label;
    mark -= weight;
    if (mark < 0) break;
  }
  return picked;
}

function take(rows: number[]): number {
  const row = rows.pop();
  if (row === undefined) throw new Error('A class without rows was picked.');
  return row;
}

function at<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`No element ${index} among ${values.length}.`);
  return value;
}
