import type { Primitives } from '../crypto/primitives.js';
import { tag } from './labels.js';

/** Who masks with whom and holds whose shares. Clients are indices into the roster, 0 to size - 1. Symmetric, no loops. */
export interface Graph {
  readonly size: number;
  /** In ascending order. */
  neighbours(client: number): Uint32Array;
  /** Place of `holder` in the ascending neighbours of `client`, or -1. The holder's share is at x = 1 + place. */
  rank(client: number, holder: number): number;
}

/** Everybody is everybody's neighbour. */
export function completeGraph(size: number): Graph {
  return new ListedGraph(size, (client) =>
    Uint32Array.from({ length: size - 1 }, (_, index) => (index < client ? index : index + 1)),
  );
}

/**
 * A ring lattice: the clients stand in a circle in an order drawn from the seed, and each has the degree/2 on either side as its neighbours.
 * A client that is lost keeps its place, so that losses never bring others together.
 *
 * @param seed - 32 bytes that nobody could foresee when the roster was fixed
 * @param degree - even, below size
 */
export async function ringGraph(
  primitives: Primitives,
  seed: Uint8Array,
  size: number,
  degree: number,
): Promise<Graph> {
  const order = await permutation(primitives, seed, size);
  const positions = new Uint32Array(size);
  order.forEach((client, position) => (positions[client] = position));
  return new ListedGraph(size, (client) => {
    const position = positions[client] ?? 0;
    const list = new Uint32Array(degree);
    for (let distance = 1; distance <= degree / 2; distance++) {
      list[2 * distance - 2] = order[(position + distance) % size] ?? 0;
      list[2 * distance - 1] = order[(position - distance + size) % size] ?? 0;
    }
    return list.sort();
  });
}

/** Fisher-Yates over 0 to size - 1. Draws are u32 of the seed's key stream, those that would favour low indices are passed over. */
async function permutation(primitives: Primitives, seed: Uint8Array, size: number): Promise<Uint32Array> {
  const stream = primitives.keystream(primitives.hkdf(seed, new Uint8Array(0), tag('perm'), 32));
  const block = new Uint8Array(1024);
  const words = new DataView(block.buffer);
  let next = block.length;
  const order = Uint32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const choices = last + 1;
    const limit = 2 ** 32 - (2 ** 32 % choices);
    let draw: number;
    do {
      if (next === block.length) {
        await stream.read(block);
        next = 0;
      }
      draw = words.getUint32(next, true);
      next += 4;
    } while (draw >= limit);
    const other = draw % choices;
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}

/** Lists neighbours when they are asked for: a participant asks for few of them. */
class ListedGraph implements Graph {
  readonly #lists = new Map<number, Uint32Array>();

  constructor(
    readonly size: number,
    private readonly list: (client: number) => Uint32Array,
  ) {}

  neighbours(client: number): Uint32Array {
    let list = this.#lists.get(client);
    if (list === undefined) {
      if (!Number.isInteger(client) || client < 0 || client >= this.size) {
        throw new RangeError(`No client ${client} among ${this.size}`);
      }
      list = this.list(client);
      this.#lists.set(client, list);
    }
    return list;
  }

  rank(client: number, holder: number): number {
    const list = this.neighbours(client);
    let low = 0;
    let high = list.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const value = list[middle] ?? 0;
      if (value === holder) return middle;
      if (value < holder) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
