import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { ByteWriter, concatBytes } from '@tutti/shared/crypto';
import { cohortParameters } from '@tutti/shared/secagg';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import { labelledHash, u32 } from '../../../packages/shared/src/secagg/labels.js';
import {
  decodeInbox,
  decodeShares,
  encodeInbox,
  encodeSealedList,
  encodeShares,
  type Inbox,
  type Shares,
} from '../../../packages/shared/src/secagg/messages/share.js';
import { decodeReveal } from '../../../packages/shared/src/secagg/messages/unmask.js';
import { sealingKey } from '../../../packages/shared/src/secagg/round-context.js';
import { roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import {
  advertsOf,
  contextOf,
  expectLeft,
  flip,
  keysOf,
  malleate,
  sentBy,
  signAs,
  towards,
} from './support/attacker.js';

const VICTIM = 2;
const CORRUPT = 4;
const COUNT = 10;
const setup: RoundSetup = { seed: 'shares', clients: COUNT };

/** Gives the victim another inbox than the coordinator’s. */
async function giveInbox(
  change: (inbox: Inbox, round: TestRound) => Inbox | Promise<Inbox>,
  changes: Partial<RoundSetup> = {},
) {
  const round = await TestRound.create({ ...setup, ...changes });
  const outcome = await round.run({
    toClient: towards(VICTIM, 'inbox', async (body) =>
      encodeInbox(await change(decodeInbox(body, round.clients.length), round)),
    ),
  });
  return { round, outcome, victim: round.client(VICTIM) };
}

/** Replaces what one neighbour sealed for the victim. */
function giveSealed(change: (sealed: Uint8Array, round: TestRound) => Uint8Array | Promise<Uint8Array>) {
  return giveInbox(async (inbox, round) => ({
    sharers: inbox.sharers,
    entries: await Promise.all(
      inbox.entries.map(async ({ from, sealed }) => ({
        from,
        sealed: from === CORRUPT ? await change(sealed, round) : sealed,
      })),
    ),
  }));
}

/** The victim went on without the neighbour's shares, and revealed nothing of it; the sum is exact. */
function expectUnused({ round, outcome, victim }: Awaited<ReturnType<typeof giveInbox>>): void {
  const reveal = decodeReveal(sentBy(victim, 'reveal') ?? new Uint8Array(0), COUNT - 1);
  expect(reveal.seedShares.map(({ owner }) => owner)).not.toContain(CORRUPT);
  expect(reveal.seedShares).toHaveLength(COUNT - 2);
  expect(outcome.result?.survivors).toHaveLength(COUNT);
  expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
}

/** What the corrupt client seals for the victim when it follows no protocol. */
async function sealAs(
  round: TestRound,
  plain: {
    context?: Uint8Array;
    from?: number;
    to?: number;
    x?: number;
    seedShare?: Uint8Array;
    keyShare?: Uint8Array;
  },
): Promise<Uint8Array> {
  const context = await contextOf(round);
  const { sealing } = await keysOf(round.client(CORRUPT));
  const agreed = await primitives.agree(sealing.secretKey, advertsOf(round)[VICTIM]?.sealingKey ?? u32(0));
  const content = new ByteWriter()
    .bytes(plain.context ?? context.hash)
    .u32(plain.from ?? CORRUPT)
    .u32(plain.to ?? VICTIM)
    .u16(plain.x ?? context.graph.rank(CORRUPT, VICTIM) + 1)
    .bytes(plain.seedShare ?? new Uint8Array(36))
    .bytes(plain.keyShare ?? new Uint8Array(36))
    .finish();
  return primitives.seal(sealingKey(primitives, context, agreed, CORRUPT, VICTIM), content);
}

describe('a client that opens its inbox', () => {
  it('goes on without a neighbour’s shares where one bit of them is wrong', async () => {
    for (const at of [0, 60, -1]) expectUnused(await giveSealed((sealed) => flip(sealed, at)));
  });

  it('goes on without a neighbour’s shares where the entry is missing', async () => {
    expectUnused(
      await giveInbox(({ sharers, entries }) => ({
        sharers,
        entries: entries.filter(({ from }) => from !== CORRUPT),
      })),
    );
  });

  it('takes no envelope of another sender for a neighbour’s', async () => {
    expectUnused(
      await giveSealed((_, round) => {
        const shares = decodeShares(sentBy(round.client(1), 'shares') ?? u32(0), COUNT - 1);
        return shares.sealed[1] ?? u32(0);
      }),
    );
  });

  it('takes no envelope that a neighbour sealed for another', async () => {
    expectUnused(
      await giveSealed((_, round) => {
        const shares = decodeShares(sentBy(round.client(CORRUPT), 'shares') ?? u32(0), COUNT - 1);
        return shares.sealed[0] ?? u32(0);
      }),
    );
  });

  it('takes no envelope of another round between the same two', async () => {
    const enrolment = (await TestRound.create(setup)).enrolment;
    const before = await TestRound.create({ ...setup, enrolment, parameters: { roundNumber: 0 } });
    await before.run();
    const shares = decodeShares(sentBy(before.client(CORRUPT), 'shares') ?? u32(0), COUNT - 1);
    expectUnused(await giveSealed(() => shares.sealed[VICTIM] ?? u32(0)));
  });

  const wrongLimb = new Uint8Array(36);
  new DataView(wrongLimb.buffer).setUint16(34, 32_771, true);
  it.each([
    ['of another context', { context: new Uint8Array(32) }],
    ['from another', { from: 1 }],
    ['to another', { to: 1 }],
    ['at another point', { x: 1 }],
    ['with a limb that is no element of the field in the seed’s share', { seedShare: wrongLimb }],
    ['with a limb that is no element of the field in the key’s share', { keyShare: wrongLimb }],
  ])('takes no shares %s, though sealed by the right neighbour', async (_, plain) => {
    expectUnused(await giveSealed((_sealed, round) => sealAs(round, plain)));
  });

  it('leaves where there is an entry of whoever shares nothing with it', async () => {
    const { victim } = await giveInbox(({ sharers, entries }) => ({
      sharers,
      entries: [
        ...entries.filter(({ from }) => from < VICTIM),
        { from: VICTIM, sealed: new Uint8Array(130) },
      ].concat(entries.filter(({ from }) => from > VICTIM)),
    }));
    await expectLeft(victim, 'secagg.malformed', 'masked');
  });

  it('leaves where too few neighbours’ shares can be opened', async () => {
    const { threshold } = cohortParameters({ ...roundParameters(), n: COUNT });
    const { victim } = await giveInbox(({ sharers, entries }) => ({
      sharers,
      entries: entries.slice(0, threshold - 1),
    }));
    await expectLeft(victim, 'secagg.too-few-shares', 'masked');
  });

  it('leaves where it is not among the sharers', async () => {
    const { victim } = await giveInbox(({ entries }) => ({
      sharers: IndexSet.of(COUNT, [0, 1, 3, 4, 5, 6, 7, 8, 9]).bytes,
      entries,
    }));
    await expectLeft(victim, 'secagg.left-out', 'masked');
  });

  it('leaves where there are fewer sharers than a quorum', async () => {
    const { victim } = await giveInbox(({ entries }) => ({
      sharers: IndexSet.of(COUNT, [0, 1, 2, 3, 4]).bytes,
      entries,
    }));
    await expectLeft(victim, 'secagg.too-few-sharers', 'masked');
  });

  it('leaves where there are fewer sharers than the smallest cohort', async () => {
    const { victim } = await giveInbox(
      ({ entries }) => ({ sharers: IndexSet.of(COUNT, [0, 1, 2, 3, 4, 5, 6, 7]).bytes, entries }),
      { parameters: { minimumCohort: 9 } },
    );
    await expectLeft(victim, 'secagg.too-few-sharers', 'masked');
  });

  it('leaves where it would mask with too few neighbours: it cannot be isolated', async () => {
    const ring: Partial<RoundSetup> = {
      seed: 'shares/ring',
      clients: 40,
      parameters: { graphMode: 'ring-reveal', deltaPpm: 100_000 },
    };
    const { round, victim } = await giveInbox(async (inbox, running) => {
      const { graph, cohort } = await contextOf(running);
      const away = [...graph.neighbours(VICTIM)].slice(cohort.threshold - 1);
      const sharers = IndexSet.of(
        40,
        [...Array(40).keys()].filter((index) => !away.includes(index)),
      );
      return { ...inbox, sharers: sharers.bytes };
    }, ring);
    expect(round.clients).toHaveLength(40);
    await expectLeft(victim, 'secagg.isolated', 'masked');
  });

  it.each([
    ['too short', (sharers: Uint8Array) => sharers.subarray(1)],
    ['too long', (sharers: Uint8Array) => concatBytes(sharers, new Uint8Array(1))],
    ['with a client beyond the roster', (sharers: Uint8Array) => Uint8Array.of(sharers[0] ?? 0, 0xff)],
  ])('leaves where the bitmap of sharers is %s', async (_, change) => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: towards(VICTIM, 'inbox', (body) => {
        const { sharers, entries } = decodeInbox(body, COUNT);
        return encodeInbox({ sharers: change(sharers), entries });
      }),
    });
    await expectLeft(round.client(VICTIM), 'secagg.malformed', 'masked');
  });

  it('leaves where a second inbox follows: it never masks twice', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: (to, message) => {
        if (to !== VICTIM || message.type !== 'inbox') return [message];
        const { sharers, entries } = decodeInbox(message.body, COUNT);
        const other = encodeInbox({ sharers, entries: entries.slice(1) });
        return [message, { type: 'inbox', body: other }];
      },
    });
    const { effects, sent } = round.client(VICTIM);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
    expect(sent.filter(({ type }) => type === 'masked')).toHaveLength(1);
    expect(sent.map(({ type }) => type)).not.toContain('consistency');
  });

  it('asks for one vector, though two are given at once', async () => {
    const round = await TestRound.create(setup);
    let effects: unknown[] = [];
    await round.run({
      toClient: async (to, message) => {
        if (to !== VICTIM || message.type !== 'inbox') return [message];
        const { machine, vector } = round.client(VICTIM);
        await machine.receive(message, 0);
        effects = (await Promise.all([machine.provide(vector), machine.provide(vector)])).flat();
        return [];
      },
    });
    expect(effects).toHaveLength(2);
  });

  it('leaves where the vector has another length or width', async () => {
    for (const vector of [
      new Uint32Array(15),
      new Uint32Array(17),
      new Uint16Array(16),
      new Uint8Array(64),
    ]) {
      const round = await TestRound.create(setup);
      let left: unknown;
      await round.run({
        toClient: async (to, message) => {
          if (to !== VICTIM || message.type !== 'inbox') return [message];
          const { machine } = round.client(VICTIM);
          await machine.receive(message, 0);
          left = (await machine.provide(vector)).at(-1);
          return [];
        },
      });
      expect(left).toEqual({ kind: 'aborted', code: 'secagg.vector' });
    }
  });
});

describe('a coordinator that is sent shares', () => {
  /** The corrupt client shares otherwise, and signs it. */
  async function shareAs(change: (shares: Shares, round: TestRound) => Shares, sign = true) {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      toCoordinator: async (from, message) => {
        if (from !== CORRUPT || message.type !== 'shares') return [message];
        const shares = change(decodeShares(message.body, COUNT - 1), round);
        const list = labelledHash(primitives, 'list', encodeSealedList(shares.sealed));
        const signature = sign
          ? await signAs(
              round.client(CORRUPT),
              'shares',
              shares.context,
              u32(CORRUPT),
              shares.selfCommitment,
              list,
            )
          : shares.signature;
        return [{ type: 'shares', body: encodeShares({ ...shares, signature }) }];
      },
    });
    const codes = outcome.rejected
      .filter(({ from }) => from === round.client(CORRUPT).id)
      .map(({ code }) => code);
    return { round, outcome, code: codes[0] };
  }

  it.each([
    ['too few', (sealed: readonly Uint8Array[]) => sealed.slice(1), 'secagg.malformed'],
    ['too many', (sealed: readonly Uint8Array[]) => [...sealed, new Uint8Array(130)], 'wire.'],
  ])('refuses shares for %s neighbours', async (_, change, code) => {
    const refused = await shareAs((shares) => ({ ...shares, sealed: change(shares.sealed) }));
    expect(refused.code).toContain(code);
    expect(refused.outcome.result?.sharers).toHaveLength(COUNT - 1);
  });

  it('refuses those of another context', async () => {
    expect((await shareAs((shares) => ({ ...shares, context: new Uint8Array(32) }))).code).toBe(
      'secagg.context',
    );
  });

  it('refuses those whose order or commitment was changed after signing', async () => {
    const reversed = await shareAs((shares) => ({ ...shares, sealed: [...shares.sealed].reverse() }), false);
    expect(reversed.code).toBe('secagg.signature');
    const committed = await shareAs((shares) => ({ ...shares, selfCommitment: new Uint8Array(32) }), false);
    expect(committed.code).toBe('secagg.signature');
  });

  it('refuses a signature S + L', async () => {
    const refused = await shareAs((shares) => ({ ...shares, signature: malleate(shares.signature) }), false);
    expect(refused.code).toBe('secagg.signature');
  });

  it('refuses those that another client signed', async () => {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      toCoordinator: (from, message) =>
        from === CORRUPT && message.type === 'shares'
          ? [{ type: 'shares', body: sentBy(round.client(0), 'shares') ?? u32(0) }]
          : [message],
    });
    expect(outcome.rejected[0]).toMatchObject({ code: 'secagg.signature' });
  });

  it('sums exactly where they came in another order: the neighbours miss them', async () => {
    const { round, outcome } = await shareAs((shares) => ({
      ...shares,
      sealed: [...shares.sealed].reverse(),
    }));
    const { survivors, sum } = outcome.result ?? { survivors: [], sum: undefined };
    expect(survivors).toHaveLength(COUNT);
    expect(sum).toEqual(round.sumOf(survivors));
  });
});
