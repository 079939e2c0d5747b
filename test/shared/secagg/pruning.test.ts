import { describe, expect, it } from 'vitest';
import { uniformStream } from '@tutti/shared/crypto';
import { cohortParameters, requiredSurvivors, type MessageType } from '@tutti/shared/secagg';
import type { Graph } from '../../../packages/shared/src/secagg/graph.js';
import { roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';
import { contextOf } from './support/attacker.js';

const COUNT = 40;
// Under profile M a ring either holds or falls apart whole, for its threshold is above half its degree; under S it frays.
const setup: RoundSetup = {
  seed: 'pruning',
  clients: COUNT,
  parameters: { graphMode: 'ring-reveal', profile: 'S', grindBits: 0, deltaPpm: 100_000, dimension: 4 },
  policy: { profiles: ['S'], minimumGrinding: 0 },
};
const parameters = roundParameters(setup.parameters);
const { threshold } = cohortParameters({ ...parameters, n: COUNT });
const everybody = Array.from({ length: COUNT }, (_, index) => index);

/** Who is left when those with too few neighbours leave, again and again, and how many left each time. */
function prune(graph: Graph, lost: ReadonlySet<number>): { kept: number[]; generations: number[] } {
  let kept = everybody.filter((index) => !lost.has(index));
  const generations: number[] = [];
  for (;;) {
    const next = kept.filter(
      (index) => kept.filter((other) => graph.rank(index, other) >= 0).length >= threshold,
    );
    if (next.length === kept.length) return { kept, generations };
    generations.push(kept.length - next.length);
    kept = next;
  }
}

describe('clients that could never be unmasked', () => {
  it('are left out before anybody masks, and then those that this leaves with too few neighbours', async () => {
    const before = await TestRound.create(setup);
    await before.run();
    const { graph } = await contextOf(before);
    const uniform = uniformStream(seededRandom('pruning'));
    // One pass would do for most losses: the first that takes more, and leaves enough for a round.
    const examples = Array.from({ length: 5000 }, () => {
      const lost = new Set(everybody.filter(() => uniform() < 0.3));
      return { lost, ...prune(graph, lost) };
    });
    const example = examples.find(
      ({ kept, generations }) =>
        generations.length > 1 && kept.length >= requiredSurvivors(parameters, COUNT, kept.length),
    );
    if (example === undefined) throw new Error('No such losses: draw from another seed.');
    const { lost, kept } = example;

    const round = await TestRound.create(setup);
    const losses = new Map([...lost].map((index): [number, MessageType] => [index, 'shares']));
    const { result } = await round.run({ losses });
    const ids = kept.map((index) => round.client(index).id);
    expect(result?.sharers).toEqual(ids);
    expect(result?.survivors).toEqual(ids);
    expect(result?.sum).toEqual(round.sumOf(ids));
    const pruned = everybody.filter((index) => !lost.has(index) && !kept.includes(index));
    expect(pruned.length).toBeGreaterThan(1);
    for (const index of pruned) {
      expect(round.client(index).sent.map(({ type }) => type)).not.toContain('masked');
    }
  });
});
