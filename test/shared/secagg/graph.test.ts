import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { fromHex, toHex } from '@tutti/shared/crypto';
import { completeGraph, ringGraph, type Graph } from '../../../packages/shared/src/secagg/graph.js';
import { u32 } from '../../../packages/shared/src/secagg/labels.js';
import vectors from '../../vectors/secagg/graph.json' with { type: 'json' };

function expectRegular(graph: Graph, size: number, degree: number): void {
  expect(graph.size).toBe(size);
  for (let client = 0; client < size; client++) {
    const neighbours = [...graph.neighbours(client)];
    expect(neighbours).toEqual([...new Set(neighbours)].sort((a, b) => a - b));
    expect(neighbours).toHaveLength(degree);
    expect(neighbours).not.toContain(client);
    neighbours.forEach((neighbour, place) => {
      expect(graph.rank(neighbour, client)).toBeGreaterThanOrEqual(0);
      expect(graph.rank(client, neighbour)).toBe(place);
    });
    expect(graph.rank(client, client)).toBe(-1);
  }
}

describe('the graph of who masks with whom', () => {
  it.each([3, 4, 17])('is symmetric and without loops when %i clients are all neighbours', (size) => {
    expectRegular(completeGraph(size), size, size - 1);
  });

  it.each([
    [7, 2],
    [7, 4],
    [40, 28],
    [101, 32],
  ])('is symmetric, without loops and of one degree in a ring of %i of degree %i', async (size, degree) => {
    expectRegular(await ringGraph(primitives, new Uint8Array(32).fill(9), size, degree), size, degree);
  });

  it.each(vectors.rows)('of $size clients of degree $degree is the golden one', async (row) => {
    const graph = await ringGraph(primitives, fromHex(row.seed), row.size, row.degree);
    expect([...graph.neighbours(0)]).toEqual(row.neighboursOf0);
    expect([...graph.neighbours(row.size - 1)]).toEqual(row.neighboursOfLast);
    const entries = Array.from({ length: row.size }, (_, client) => [...graph.neighbours(client)]).flat();
    expect(toHex(primitives.sha256(...entries.map(u32)))).toBe(row.graph);
  });

  it('is another with another seed', async () => {
    const lists = await Promise.all(
      [1, 2].map(async (byte) => [
        ...(await ringGraph(primitives, new Uint8Array(32).fill(byte), 60, 4)).neighbours(0),
      ]),
    );
    expect(lists[0]).not.toEqual(lists[1]);
  });

  it('puts every two clients side by side about equally often', async () => {
    let together = 0;
    const seeds = 3000;
    for (let seed = 0; seed < seeds; seed++) {
      const graph = await ringGraph(primitives, primitives.sha256(u32(seed)), 9, 2);
      if (graph.rank(0, 8) >= 0) together++;
    }
    // Probability 2/8; five standard deviations of the count are 119.
    expect(Math.abs(together - seeds / 4)).toBeLessThan(119);
  });

  it('knows nobody beyond the roster', () => {
    expect(() => completeGraph(3).neighbours(3)).toThrow(RangeError);
  });
});
