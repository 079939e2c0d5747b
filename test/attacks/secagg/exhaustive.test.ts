import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { cohortParameters } from '@tutti/shared/secagg';
import { completeGraph, ringGraph, type Graph } from '../../../packages/shared/src/secagg/graph.js';
import { u32 } from '../../../packages/shared/src/secagg/labels.js';

/*
 * Every coordinator there can be, on small graphs: for every set of corrupt clients and every set of survivors that it may name, what do
 * the answers of honest clients let it compute? Sets of clients are bit masks.
 *
 * An honest client answers if it is among the survivors and enough of its neighbours are. The coalition then knows a seed or key if it
 * comes from its owner, or from `threshold` holders. What it can compute of the honest vectors are the sums over those components of the
 * graph of masks it does not know in which it knows every client's own mask; and there must be none, or one, of all honest survivors.
 */
interface Instance {
  readonly neighbours: readonly number[];
  readonly corrupt: number;
  readonly threshold: number;
}

const count = (mask: number) => {
  let rest = mask;
  let bits = 0;
  for (; rest !== 0; rest &= rest - 1) bits++;
  return bits;
};

/** The components that are opened when `survivors`, all honest, are named together with all corrupt clients. */
function opened({ neighbours, corrupt, threshold }: Instance, survivors: number): number[] {
  const size = neighbours.length;
  const at = (client: number) => neighbours[client] ?? 0;
  const honest = ((1 << size) - 1) & ~corrupt;
  let answering = 0;
  for (let client = 0; client < size; client++) {
    if ((survivors >> client) & 1 && count(at(client) & (survivors | corrupt)) >= threshold)
      answering |= 1 << client;
  }
  let knownSeeds = answering;
  let knownKeys = 0;
  for (let client = 0; client < size; client++) {
    if (!((honest >> client) & 1)) continue;
    if (count(at(client) & (answering | corrupt)) < threshold) continue;
    if ((survivors >> client) & 1) knownSeeds |= 1 << client;
    else knownKeys |= 1 << client;
  }
  const components: number[] = [];
  // Masks with a client of known key are known; the others hold the components together.
  for (let left = honest & ~knownKeys; left !== 0;) {
    let component = left & -left;
    for (let border = component; border !== 0;) {
      const client = 31 - Math.clz32(border & -border);
      border &= border - 1;
      const joined = at(client) & honest & ~knownKeys & ~component;
      component |= joined;
      border |= joined;
    }
    left &= ~component;
    if ((component & ~knownSeeds) === 0) components.push(component);
  }
  return components;
}

/** Sets of survivors after which something else than their whole sum is open, and how many sums are opened in all. */
function survey(instance: Instance): { violations: number; sums: number } {
  const size = instance.neighbours.length;
  const honest = ((1 << size) - 1) & ~instance.corrupt;
  let violations = 0;
  let sums = 0;
  for (let survivors = honest; survivors !== 0; survivors = (survivors - 1) & honest) {
    const components = opened(instance, survivors);
    sums += components.length;
    if (components.some((component) => component !== survivors)) violations++;
  }
  return { violations, sums };
}

function* subsets(size: number, of: number): Generator<number> {
  for (let mask = 0; mask < 1 << of; mask++) if (count(mask) === size) yield mask;
}

/** The ring without its permutation: each position with those at most degree/2 away. */
function lattice(size: number, degree: number): number[] {
  const around = windows(size, degree + 1);
  return around.map((_, position) => {
    const mask = around[(position - degree / 2 + size) % size] ?? 0;
    return mask & ~(1 << position);
  });
}

/** Every run of `length` consecutive positions, by its first. */
function windows(size: number, length: number): number[] {
  return Array.from({ length: size }, (_, first) =>
    Array.from({ length }, (_step, step) => 1 << ((first + step) % size)).reduce(
      (mask, bit) => mask | bit,
      0,
    ),
  );
}

function masksOf(graph: Graph): number[] {
  return Array.from({ length: graph.size }, (_, client) =>
    [...graph.neighbours(client)].reduce((mask, neighbour) => mask | (1 << neighbour), 0),
  );
}

describe('whatever set of survivors a coordinator names, it opens their one sum or nothing', () => {
  it.each([
    [10, 100_000, 100_000],
    [12, 100_000, 100_000],
    [13, 100_000, 200_000],
    [12, 200_000, 100_000],
  ])('in a ring of %i, %i ppm corrupt, %i ppm lost: for every coalition', async (n, gammaPpm, deltaPpm) => {
    const { graph, degree, threshold, corrupt } = cohortParameters({
      n,
      gammaPpm,
      deltaPpm,
      sigma: 40,
      grindBits: 64,
      graphMode: 'ring-reveal',
      profile: 'M',
    });
    expect(graph).toBe('ring');
    const neighbours = masksOf(await ringGraph(primitives, primitives.sha256(u32(n)), n, degree));
    let sums = 0;
    for (const coalition of subsets(corrupt, n)) {
      const found = survey({ neighbours, corrupt: coalition, threshold });
      expect(found.violations).toBe(0);
      sums += found.sums;
    }
    expect(sums).toBeGreaterThan(0);
  });

  it.each([
    [9, 100_000],
    [11, 200_000],
    [12, 330_000],
  ])('among %i clients that are all neighbours, %i ppm corrupt: for every coalition', (n, gammaPpm) => {
    const assumptions = { n, gammaPpm, deltaPpm: 100_000, sigma: 40, grindBits: 0, profile: 'M' } as const;
    const { threshold, corrupt } = cohortParameters({ ...assumptions, graphMode: 'complete' });
    const neighbours = masksOf(completeGraph(n));
    for (const coalition of subsets(corrupt, n))
      expect(survey({ neighbours, corrupt: coalition, threshold }).violations).toBe(0);
  });

  it('holds by the rule itself, t >= k/2 + x + 1 and t >= c + 1, and with one share fewer rings fall apart', () => {
    let broken = 0;
    for (const [size, degree] of [
      [12, 4],
      [13, 4],
      [14, 6],
    ] as const) {
      const neighbours = lattice(size, degree);
      for (const corrupt of subsets(2, size)) {
        const among = (masks: readonly number[]) => Math.max(...masks.map((mask) => count(mask & corrupt)));
        const x = among(windows(size, degree / 2));
        const threshold = Math.max(degree / 2 + x + 1, among(neighbours) + 1);
        expect(survey({ neighbours, corrupt, threshold }).violations).toBe(0);
        broken += survey({ neighbours, corrupt, threshold: threshold - 1 }).violations;
      }
    }
    expect(broken).toBeGreaterThan(0);
  });
});
