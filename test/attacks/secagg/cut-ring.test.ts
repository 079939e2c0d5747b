import { describe, expect, it } from 'vitest';
import type { Share } from '@tutti/shared/crypto';
import type { RoundParameters } from '@tutti/shared/secagg';
import type { Graph } from '../../../packages/shared/src/secagg/graph.js';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import type { Quorum } from '../../../packages/shared/src/secagg/messages/consistency.js';
import { TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { MaliciousCoordinator } from './support/malicious-coordinator.js';

/*
 * On a ring, the coordinator names one set of survivors, and a quorum signs it: everybody but two gaps of k/2 clients each. Nobody in
 * the arc between the gaps masks with anybody beyond them, so the sum falls into two, and the arc's part can be opened alone: its
 * clients give their own seeds, and the keys of the gaps are rebuilt from both sides.
 */
const COUNT = 60;

const setup = (parameters: Partial<RoundParameters>, policy: RoundSetup['policy']): RoundSetup => ({
  seed: 'cut',
  clients: COUNT,
  parameters: {
    graphMode: 'ring-reveal',
    gammaPpm: 50_000,
    deltaPpm: 50_000,
    honestPpm: 300_000,
    ...parameters,
  },
  policy: { minimumCorruptFraction: 0.05, ...policy },
});

/** The clients in the order of the ring: whoever shares most neighbours with a client stands beside it. */
function ringOrder(graph: Graph): number[] {
  const common = (a: number, b: number) =>
    [...graph.neighbours(a)].filter((neighbour) => graph.rank(b, neighbour) >= 0).length;
  const order = [0];
  while (order.length < graph.size) {
    const last = order.at(-1) ?? 0;
    const candidates = [...graph.neighbours(last)].filter((index) => !order.includes(index));
    candidates.sort((a, b) => common(last, b) - common(last, a));
    order.push(candidates[0] ?? -1);
  }
  return order;
}

/** Cuts an arc of `length` clients out and opens it. What is read of it, its clients, and the codes with which clients left. */
async function attack(coordinator: MaliciousCoordinator, length: number) {
  const { graph, cohort } = coordinator.context;
  const order = ringOrder(graph);
  const half = cohort.degree / 2;
  const arc = order.slice(half, half + length);
  const gaps = [...order.slice(0, half), ...order.slice(half + length, 2 * half + length)];
  const survivors = IndexSet.of(
    COUNT,
    order.filter((index) => !gaps.includes(index)),
  );

  const left: string[] = [];
  const quorum: Quorum[number][] = [];
  for (const index of survivors) {
    const signature = await coordinator.tell(index, survivors);
    if (typeof signature === 'string') left.push(signature);
    else quorum.push({ index, signature });
  }
  const seeds = new Map<number, Uint8Array>();
  const shares = new Map<number, Share[]>();
  for (const { index } of quorum) {
    const reveal = await coordinator.ask(index, quorum);
    if (typeof reveal === 'string') {
      left.push(reveal);
      continue;
    }
    seeds.set(index, reveal.selfSeed);
    for (const { owner, x, share } of reveal.keyShares)
      shares.set(owner, [...(shares.get(owner) ?? []), { x, value: share }]);
  }
  const keys = new Map<number, Uint8Array>();
  for (const [owner, held] of shares) {
    const key = coordinator.rebuild(held);
    if (key) keys.set(owner, key);
  }
  const read = await coordinator.openSum(arc, seeds, keys);
  return { read, left, arc: arc.map((index) => coordinator.round.client(index).id), survivors };
}

describe('a coordinator that cuts the ring', () => {
  it('reads the sum of a few neighbours where the thresholds are those that trust it', async () => {
    const coordinator = await MaliciousCoordinator.create(setup({ profile: 'S' }, { profiles: ['S', 'M'] }));
    const { cohort } = coordinator.context;
    expect(cohort.graph).toBe('ring');
    const { read, left, arc, survivors } = await attack(coordinator, cohort.threshold + 1);
    expect(left).toEqual([]);
    // A quorum signed for many, and few were opened.
    expect(survivors.count).toBeGreaterThan(cohort.quorum);
    expect(arc.length).toBeLessThan(cohort.quorum / 2);
    expect(read).toEqual(coordinator.round.sumOf(arc));
  });

  it('cannot make our clients take those thresholds: they refuse the round', async () => {
    const round = await TestRound.create(setup({ profile: 'S' }, {}));
    await round.run();
    for (const { effects } of round.clients)
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.profile' }]);
  });

  it('loses the clients beside the cut where the thresholds are ours, however long the arc, and reads nothing', async () => {
    for (const length of [2, 8, 14, 20]) {
      const coordinator = await MaliciousCoordinator.create(setup({}, {}));
      expect(coordinator.context.cohort.graph).toBe('ring');
      const { read, left, arc } = await attack(coordinator, length);
      expect(left).toContain('secagg.isolated');
      expect(read).not.toEqual(coordinator.round.sumOf(arc));
    }
  });
});
