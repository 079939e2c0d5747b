import { describe, expect, it } from 'vitest';
import type { Share } from '@tutti/shared/crypto';
import { uniform } from '@tutti/shared/crypto';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import type { Quorum } from '../../../packages/shared/src/secagg/messages/consistency.js';
import type { RoundSetup } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';
import { keysOf } from '../../shared/secagg/support/attacker.js';
import { nullSpace } from './support/null-space.js';
import { MaliciousCoordinator } from './support/malicious-coordinator.js';

/*
 * What a coordinator and the clients that work with it can compute from everything they hold, by linear algebra: each honest client's
 * masked vector is its vector plus masks; masks whose key they hold fall away, every other is an unknown of its own. The combinations of
 * masked vectors in which all unknowns cancel are what they learn. All messages are real ones, of our clients.
 */
const random = seededRandom('collusion');
const below = (limit: number) => Math.floor(uniform(random) * limit);

/** Draws which of the honest clients are said to have survived. */
function drawSurvivors(count: number, corrupt: readonly number[], lost: number): IndexSet {
  const dropped = new Set<number>();
  while (dropped.size < lost) {
    const client = below(count);
    if (!corrupt.includes(client)) dropped.add(client);
  }
  return IndexSet.of(
    count,
    [...Array(count).keys()].filter((index) => !dropped.has(index)),
  );
}

/** Names the survivors, collects all that honest clients answer, and adds what the corrupt clients hold. */
async function learn(coordinator: MaliciousCoordinator, corrupt: readonly number[], survivors: IndexSet) {
  const { context, round } = coordinator;
  const quorum: Quorum[number][] = [];
  for (const index of survivors) {
    const signature = corrupt.includes(index)
      ? await coordinator.signFor(index, survivors)
      : await coordinator.tell(index, survivors);
    if (typeof signature !== 'string') quorum.push({ index, signature });
  }
  const seeds = new Map<number, Uint8Array>();
  const keys = new Map<number, Uint8Array>();
  const shares = { seed: new Map<number, Share[]>(), key: new Map<number, Share[]>() };
  const hold = (kind: 'seed' | 'key', owner: number, share: Share) =>
    shares[kind].set(owner, [...(shares[kind].get(owner) ?? []), share]);

  for (const { index } of quorum) {
    if (corrupt.includes(index)) continue;
    const reveal = await coordinator.ask(index, quorum);
    if (typeof reveal === 'string') continue;
    seeds.set(index, reveal.selfSeed);
    for (const { owner, x, share } of reveal.seedShares) hold('seed', owner, { x, value: share });
    for (const { owner, x, share } of reveal.keyShares) hold('key', owner, { x, value: share });
  }
  for (const holder of corrupt) {
    keys.set(holder, (await keysOf(round.client(holder))).masking.secretKey);
    for (const owner of context.graph.neighbours(holder)) {
      if (corrupt.includes(owner)) continue;
      const { seed, key } = await coordinator.openShares(holder, owner);
      hold('seed', owner, seed);
      hold('key', owner, key);
    }
  }
  for (const [owner, held] of shares.seed) {
    const seed = coordinator.rebuild(held);
    if (seed && !seeds.has(owner)) seeds.set(owner, seed);
  }
  for (const [owner, held] of shares.key) {
    const key = coordinator.rebuild(held);
    if (key && !keys.has(owner)) keys.set(owner, key);
  }
  return { seeds, keys };
}

/** The combinations of honest clients' vectors that are open, each as a coefficient a client. */
function openCombinations(
  { context }: MaliciousCoordinator,
  honest: readonly number[],
  { seeds, keys }: Awaited<ReturnType<typeof learn>>,
): number[][] {
  const unknowns = new Map<string, number>();
  const column = (name: string) => {
    if (!unknowns.has(name)) unknowns.set(name, unknowns.size);
    return unknowns.get(name) ?? 0;
  };
  const rows = honest.map((index) => {
    const row = new Map<number, number>();
    if (!seeds.has(index)) row.set(column(`own ${index}`), 1);
    for (const neighbour of context.graph.neighbours(index)) {
      if (keys.has(index) || keys.has(neighbour)) continue;
      const pair = [Math.min(index, neighbour), Math.max(index, neighbour)].join(' ');
      row.set(column(pair), index < neighbour ? 1 : -1);
    }
    return row;
  });
  return nullSpace(rows, unknowns.size);
}

const rounds: readonly (readonly [string, RoundSetup, number])[] = [
  [
    'a complete graph',
    { seed: 'collusion', clients: 12, parameters: { gammaPpm: 200_000, deltaPpm: 250_000 } },
    2,
  ],
  [
    'a ring',
    {
      seed: 'collusion/ring',
      clients: 20,
      parameters: { graphMode: 'ring-reveal', gammaPpm: 100_000, deltaPpm: 100_000, honestPpm: 300_000 },
    },
    2,
  ],
];

describe.each(rounds)('a coordinator and the clients that work with it, in %s', (_, setup, colluding) => {
  it('learn the sum over the honest survivors or nothing, whomever they declare lost', async () => {
    const outcomes = new Set<string>();
    for (let lost = 0; lost <= 8; lost++) {
      const coordinator = await MaliciousCoordinator.create(setup);
      const { clients } = setup;
      const corrupt = [below(clients / 2), clients / 2 + below(clients / 2)].slice(0, colluding);
      const honest = [...Array(clients).keys()].filter((index) => !corrupt.includes(index));
      const survivors = drawSurvivors(clients, corrupt, lost);
      const known = await learn(coordinator, corrupt, survivors);
      const open = openCombinations(coordinator, honest, known);
      const whole = honest.map((index) => (survivors.has(index) ? 1 : 0));
      if (open.length > 0) expect(open).toEqual([whole]);
      outcomes.add(open.length === 0 ? 'nothing' : 'the sum');

      // What is open is open in earnest.
      if (open.length > 0) {
        const alive = honest.filter((index) => survivors.has(index));
        const sum = await coordinator.openSum(alive, known.seeds, known.keys);
        expect(sum).toEqual(
          coordinator.round.sumOf(alive.map((index) => coordinator.round.client(index).id)),
        );
      }
    }
    expect(outcomes).toEqual(new Set(['nothing', 'the sum']));
  });

  it('are held back by nothing else: with one client’s two secrets its vector is open', async () => {
    const coordinator = await MaliciousCoordinator.create(setup);
    const { clients } = setup;
    const survivors = IndexSet.of(clients, Array(clients).keys());
    const corrupt = [0, 1];
    const honest = [...Array(clients).keys()].slice(2);
    const known = await learn(coordinator, corrupt, survivors);
    const { masking } = await keysOf(coordinator.round.client(5));
    const open = openCombinations(coordinator, honest, {
      ...known,
      keys: new Map([...known.keys, [5, masking.secretKey]]),
    });
    expect(open).toContainEqual(honest.map((index) => (index === 5 ? 1 : 0)));
  });
});
