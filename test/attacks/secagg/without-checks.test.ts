import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Share } from '@tutti/shared/crypto';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import type { MaliciousCoordinator } from './support/malicious-coordinator.js';

/*
 * Two attacks on clients from which one check or another has been taken away: so the attacks are real, and it is these checks that stop
 * them. The checks live in one module, which is replaced here before the clients are loaded; nothing in the product can switch them off.
 */
type Check = 'checkSurvivors' | 'checkQuorum';
const CHECKS = '../../../packages/shared/src/secagg/participant/checks.js';

const COUNT = 11;
const TARGET = 5;
const CORRUPT = [0, 10];
const HONEST = Array.from({ length: COUNT }, (_, index) => index).filter((index) => !CORRUPT.includes(index));

/** Eleven clients without these checks, after their masked vectors. */
async function clientsWithout(checks: readonly Check[]): Promise<MaliciousCoordinator> {
  vi.resetModules();
  vi.doMock(CHECKS, async (original) => ({
    ...(await original<object>()),
    ...Object.fromEntries(checks.map((check) => [check, () => Promise.resolve()])),
  }));
  const { MaliciousCoordinator: Coordinator } = await import('./support/malicious-coordinator.js');
  return Coordinator.create({
    seed: 'without checks',
    clients: COUNT,
    parameters: { gammaPpm: 200_000, deltaPpm: 200_000 },
    policy: { minimumCorruptFraction: 0.2 },
  });
}

afterEach(() => {
  vi.doUnmock(CHECKS);
  vi.resetModules();
});

/** Everything that the attacker gathers of the target, and the codes with which clients left. */
class Loot {
  readonly left: string[] = [];
  private readonly keyShares: Share[] = [];
  private seed: Uint8Array | undefined;

  constructor(private readonly coordinator: MaliciousCoordinator) {}

  /** Tells a client who survived and asks for its shares with these signatures beside its own. */
  async rob(client: number, survivors: IndexSet, signers: readonly number[]): Promise<void> {
    const signature = await this.coordinator.tell(client, survivors);
    if (typeof signature === 'string') {
      this.left.push(signature);
      return;
    }
    const others = await Promise.all(
      signers
        .filter((index) => index !== client)
        .map(async (index) => ({ index, signature: await this.coordinator.signFor(index, survivors) })),
    );
    const reveal = await this.coordinator.ask(client, [{ index: client, signature }, ...others]);
    if (typeof reveal === 'string') {
      this.left.push(reveal);
      return;
    }
    if (client === TARGET) this.seed = reveal.selfSeed.slice();
    const held = reveal.keyShares.find(({ owner }) => owner === TARGET);
    if (held) this.keyShares.push({ x: held.x, value: held.share });
  }

  async read() {
    for (const holder of CORRUPT)
      this.keyShares.push((await this.coordinator.openShares(holder, TARGET)).key);
    const key = this.coordinator.rebuild(this.keyShares);
    return this.coordinator.openSum(
      [TARGET],
      new Map(this.seed ? [[TARGET, this.seed]] : []),
      new Map(key ? [[TARGET, key]] : []),
    );
  }
}

const setOf = (indices: readonly number[]) => IndexSet.of(COUNT, indices);

describe('both secrets of one client: it is told that it survived, and all others that it was lost', () => {
  /** The others sign honestly that it was lost; only for the target there are no signatures but those of corrupt clients. */
  async function bothSeeds(coordinator: MaliciousCoordinator): Promise<Loot> {
    const loot = new Loot(coordinator);
    const mourners = HONEST.filter((index) => index !== TARGET);
    const withoutTarget = setOf([...mourners, ...CORRUPT]);
    for (const index of mourners) await loot.rob(index, withoutTarget, [...mourners, ...CORRUPT]);
    await loot.rob(TARGET, setOf([...HONEST, ...CORRUPT]), CORRUPT);
    return loot;
  }

  it('are given where nobody asks for a quorum, and its vector is read', async () => {
    const coordinator = await clientsWithout(['checkQuorum']);
    const loot = await bothSeeds(coordinator);
    expect(loot.left).toEqual([]);
    expect(await loot.read()).toEqual(coordinator.round.client(TARGET).vector);
  });

  it.each<[Check[]]>([[[]], [['checkSurvivors']]])(
    'are not given to this coordinator with the quorum asked for, without %j',
    async (checks) => {
      const coordinator = await clientsWithout(checks);
      const loot = await bothSeeds(coordinator);
      expect(loot.left).toEqual(['secagg.quorum']);
      expect(await loot.read()).not.toEqual(coordinator.round.client(TARGET).vector);
    },
  );
});

describe('an isolated client: each is told that it survived alone, with those that work with the coordinator', () => {
  async function isolate(coordinator: MaliciousCoordinator): Promise<Loot> {
    const loot = new Loot(coordinator);
    for (const index of HONEST) await loot.rob(index, setOf([index, ...CORRUPT]), CORRUPT);
    return loot;
  }

  it('is read where clients look neither at the survivors nor at the quorum', async () => {
    const coordinator = await clientsWithout(['checkSurvivors', 'checkQuorum']);
    const loot = await isolate(coordinator);
    expect(loot.left).toEqual([]);
    expect(await loot.read()).toEqual(coordinator.round.client(TARGET).vector);
  });

  it.each<[Check[], string]>([
    [[], 'secagg.too-few-survivors'],
    [['checkQuorum'], 'secagg.too-few-survivors'],
    [['checkSurvivors'], 'secagg.quorum'],
  ])('is not to be had without %j: each check alone stops it', async (checks, code) => {
    const coordinator = await clientsWithout(checks);
    const loot = await isolate(coordinator);
    expect(loot.left).toEqual(HONEST.map(() => code));
    expect(await loot.read()).not.toEqual(coordinator.round.client(TARGET).vector);
  });
});
