import { describe, expect, it } from 'vitest';
import type { Share } from '@tutti/shared/crypto';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import type { Quorum } from '../../../packages/shared/src/secagg/messages/consistency.js';
import { TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { MaliciousCoordinator } from './support/malicious-coordinator.js';

/*
 * To read one client's vector the coordinator needs both of its secrets: the seed of its own mask, which is given for survivors, and its
 * masking key, which is given for the lost. It tells one half that the target survived and the other half that it was lost. Three of
 * twelve clients work with it and give both. (The attack on Bonawitz et al. 2017 without consistency check; Bell et al. 2020, section 4.)
 */
const COUNT = 12;
const TARGET = 5;
const CORRUPT = [0, 10, 11];
const LIVING = [1, 2, 3, 4]; // are told that the target survived
const MOURNING = [6, 7, 8, 9]; // are told that it was lost
const everybody = Array.from({ length: COUNT }, (_, index) => index);
const withTarget = IndexSet.of(COUNT, everybody);
const withoutTarget = IndexSet.of(
  COUNT,
  everybody.filter((index) => index !== TARGET),
);

const setup = (gammaPpm: number, minimumCorruptFraction: number): RoundSetup => ({
  seed: 'both seeds',
  clients: COUNT,
  parameters: { gammaPpm, deltaPpm: 200_000 },
  policy: { minimumCorruptFraction },
});

/** Runs the attack. What the attacker reads of the target, and the codes with which clients left. */
async function attack(coordinator: MaliciousCoordinator) {
  const seedShares: Share[] = [];
  const keyShares: Share[] = [];
  const left: string[] = [];
  for (const holder of CORRUPT) {
    const { seed, key } = await coordinator.openShares(holder, TARGET);
    seedShares.push(seed);
    keyShares.push(key);
  }
  for (const [group, survivors] of [
    [[...LIVING, TARGET], withTarget],
    [MOURNING, withoutTarget],
  ] as const) {
    const quorum: Quorum[number][] = [];
    for (const index of CORRUPT)
      quorum.push({ index, signature: await coordinator.signFor(index, survivors) });
    for (const index of group) {
      const signature = await coordinator.tell(index, survivors);
      if (typeof signature === 'string') left.push(signature);
      else quorum.push({ index, signature });
    }
    // The target itself is of use for its signature alone.
    for (const index of group.filter((member) => member !== TARGET)) {
      const reveal = await coordinator.ask(index, quorum);
      if (typeof reveal === 'string') {
        left.push(reveal);
        continue;
      }
      const shares = survivors.has(TARGET) ? reveal.seedShares : reveal.keyShares;
      const held = shares.find(({ owner }) => owner === TARGET);
      if (held) (survivors.has(TARGET) ? seedShares : keyShares).push({ x: held.x, value: held.share });
    }
  }
  const seed = coordinator.rebuild(seedShares);
  const key = coordinator.rebuild(keyShares);
  const read = await coordinator.openSum(
    [TARGET],
    new Map(seed ? [[TARGET, seed]] : []),
    new Map(key ? [[TARGET, key]] : []),
  );
  return { read, left, seed, key };
}

describe('a coordinator that asks some for the target’s seed and others for its key', () => {
  it('reads its vector where clients count one corrupt among them and three are: two quorums may share none but those', async () => {
    const coordinator = await MaliciousCoordinator.create(setup(0, 0));
    const { read, left } = await attack(coordinator);
    expect(left).toEqual([]);
    expect(read).toEqual(coordinator.round.client(TARGET).vector);
  });

  it('cannot make our clients count fewer than their owners do: they refuse the round', async () => {
    const round = await TestRound.create(setup(0, 0.25));
    await round.run();
    for (const { effects } of round.clients)
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.gammaPpm' }]);
  });

  it('finds no second quorum among ours, and reads nothing', async () => {
    const coordinator = await MaliciousCoordinator.create(setup(250_000, 0.25));
    const { read, left, seed, key } = await attack(coordinator);
    expect(left).toEqual(MOURNING.map(() => 'secagg.quorum'));
    expect(seed).toBeDefined();
    expect(key).toBeUndefined();
    expect(read).not.toEqual(coordinator.round.client(TARGET).vector);
  });
});
