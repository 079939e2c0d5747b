import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { cohortParameters, type Message, type MessageType } from '@tutti/shared/secagg';
import { labelledHash, signLabelled, u32, type Label } from '../../../packages/shared/src/secagg/labels.js';
import {
  decodeQuorum,
  encodeQuorum,
  encodeSurvivors,
  type Quorum,
} from '../../../packages/shared/src/secagg/messages/consistency.js';
import {
  decodeResult,
  decodeReveal,
  encodeAbort,
  encodeResult,
  encodeReveal,
  encodeRevealed,
  resultContent,
  type Reveal,
} from '../../../packages/shared/src/secagg/messages/unmask.js';
import { hashSurvivors } from '../../../packages/shared/src/secagg/round-context.js';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import { NOW, roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { expectLeft, flip, malleate, sentBy, signAs, towards, viewOf } from './support/attacker.js';

const VICTIM = 2;
const CORRUPT = 4;
const COUNT = 10;
const setup: RoundSetup = { seed: 'unmasking', clients: COUNT };
const { quorum: QUORUM, threshold: THRESHOLD } = cohortParameters({ ...roundParameters(), n: COUNT });

/** Shows the victim another quorum. */
async function show(
  change: (quorum: Quorum, round: TestRound) => Quorum | Promise<Quorum>,
  losses = new Map<number, MessageType>(),
) {
  const round = await TestRound.create(setup);
  await round.run({
    losses,
    toClient: towards(VICTIM, 'quorum', async (body) =>
      encodeQuorum(await change(decodeQuorum(body, COUNT), round)),
    ),
  });
  return round.client(VICTIM);
}

/** Replaces the last signature of the quorum. */
const replaceLast =
  (make: (round: TestRound, index: number, signature: Uint8Array) => Uint8Array | Promise<Uint8Array>) =>
  async (quorum: Quorum, round: TestRound): Promise<Quorum> => {
    const last = quorum.at(-1) as Quorum[number];
    return [...quorum.slice(0, -1), { ...last, signature: await make(round, last.index, last.signature) }];
  };

describe('a client that is asked for its shares', () => {
  it('gives them to a quorum: of each neighbour one, its seed’s if it survived and its key’s if it was lost', async () => {
    const victim = await show(
      (quorum) => quorum,
      new Map([
        [0, 'masked'],
        [9, 'masked'],
      ]),
    );
    const reveal = decodeReveal(sentBy(victim, 'reveal') ?? u32(0), COUNT - 1);
    expect(reveal.seedShares.map(({ owner }) => owner)).toEqual([1, 3, 4, 5, 6, 7, 8]);
    expect(reveal.keyShares.map(({ owner }) => owner)).toEqual([0, 9]);
  });

  it('gives no share of a client that never shared keys', async () => {
    const victim = await show((quorum) => quorum, new Map([[0, 'shares']]));
    const reveal = decodeReveal(sentBy(victim, 'reveal') ?? u32(0), COUNT - 1);
    expect([...reveal.seedShares, ...reveal.keyShares].map(({ owner }) => owner)).not.toContain(0);
  });

  it('leaves where one signature is missing for a quorum', async () => {
    const victim = await show((quorum) => quorum.slice(0, QUORUM - 1));
    await expectLeft(victim, 'secagg.quorum', 'reveal');
  });

  it('leaves where a quorum is made up by naming one signer twice', async () => {
    const victim = await show((quorum) => [
      ...quorum.slice(0, QUORUM - 1),
      quorum[QUORUM - 2] as Quorum[number],
    ]);
    await expectLeft(victim, 'secagg.malformed', 'reveal');
  });

  it('leaves where one signer counts twice by a second signature, S + L', async () => {
    const victim = await show((quorum) => {
      const last = quorum[QUORUM - 2] as Quorum[number];
      return [...quorum.slice(0, QUORUM - 1), { index: last.index, signature: malleate(last.signature) }];
    });
    await expectLeft(victim, 'secagg.malformed', 'reveal');
  });

  it('leaves where somebody signed who did not survive', async () => {
    const victim = await show(
      async (quorum, round) => {
        const { context, sharersHash, survivorsHash } = await viewOf(round, [], [9]);
        const signature = await signAs(
          round.client(9),
          'u3',
          context.hash,
          sharersHash,
          survivorsHash,
          u32(9),
        );
        return [...quorum.slice(0, -1), { index: 9, signature }];
      },
      new Map([[9, 'masked']]),
    );
    await expectLeft(victim, 'secagg.quorum', 'reveal');
  });

  it('leaves where somebody signed who is not on the roster', async () => {
    const victim = await show((quorum) => [
      ...quorum.slice(0, -1),
      { index: COUNT, signature: new Uint8Array(64) },
    ]);
    await expectLeft(victim, 'secagg.quorum', 'reveal');
  });

  const other = new Uint8Array(32).fill(1);
  it.each<
    [
      string,
      (view: Awaited<ReturnType<typeof viewOf>>) => {
        label?: Label;
        context?: Uint8Array;
        sharers?: Uint8Array;
        survivors?: Uint8Array;
      },
    ]
  >([
    [
      'over other survivors',
      ({ context, sharersHash }) => ({
        survivors: hashSurvivors(primitives, context, sharersHash, IndexSet.of(COUNT, [0, 1, 2, 3, 4, 5, 6])),
      }),
    ],
    ['over other sharers', () => ({ sharers: other })],
    ['of another round', () => ({ context: other })],
    ['that says it masked', () => ({ label: 'masked' })],
    ['that says it unmasks', () => ({ label: 'unmask' })],
  ])('leaves where a quorum holds a signature %s', async (_, changes) => {
    const victim = await show(
      replaceLast(async (round, index) => {
        const view = await viewOf(round);
        const {
          label = 'u3',
          context = view.context.hash,
          sharers = view.sharersHash,
          survivors = view.survivorsHash,
        } = changes(view);
        return signAs(round.client(index), label, context, sharers, survivors, u32(index));
      }),
    );
    await expectLeft(victim, 'secagg.signature', 'reveal');
  });

  it('leaves where a quorum holds a signature in another’s name', async () => {
    const victim = await show(
      replaceLast(async (round, index) => {
        const { context, sharersHash, survivorsHash } = await viewOf(round);
        return signAs(round.client(CORRUPT), 'u3', context.hash, sharersHash, survivorsHash, u32(index));
      }),
    );
    await expectLeft(victim, 'secagg.signature', 'reveal');
  });

  it('leaves where a quorum holds a signature with one bit wrong, or S + L', async () => {
    for (const change of [(signature: Uint8Array) => flip(signature, 40), malleate]) {
      const victim = await show(replaceLast((_, __, signature) => change(signature)));
      await expectLeft(victim, 'secagg.signature', 'reveal');
    }
  });

  it('leaves where the evidence of its neighbours is offered as their signature of the survivors', async () => {
    const victim = await show(
      replaceLast((round, index) => (sentBy(round.client(index), 'masked') ?? u32(0)).slice(-64)),
    );
    await expectLeft(victim, 'secagg.signature', 'reveal');
  });

  it('leaves where it is asked before it signed', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: towards(VICTIM, 'survivors', () => ({ type: 'quorum', body: encodeQuorum([]) })),
    });
    await expectLeft(round.client(VICTIM), 'secagg.misplaced', 'reveal');
  });

  it('answers the same request again with the same bytes, and another one with nothing', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: (to, message) => {
        if (to !== VICTIM || message.type !== 'quorum') return [message];
        const more: Message = {
          type: 'quorum',
          body: encodeQuorum(decodeQuorum(message.body, COUNT).slice(1)),
        };
        return [message, message, more, message];
      },
    });
    const { sent, effects } = round.client(VICTIM);
    const reveals = sent.filter(({ type }) => type === 'reveal').map(({ body }) => body);
    expect(reveals).toHaveLength(2);
    expect(reveals[0]).toEqual(reveals[1]);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
  });

  it('reveals nothing for a second set of survivors after the first', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: (to, message) =>
        to === VICTIM && message.type === 'quorum'
          ? [
              message,
              { type: 'survivors', body: encodeSurvivors({ survivors: new Uint8Array(2), evidence: [] }) },
            ]
          : [message],
    });
    const { sent, effects } = round.client(VICTIM);
    expect(sent.filter(({ type }) => type === 'reveal')).toHaveLength(1);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
  });
});

describe('a client that is told the result', () => {
  async function tell(change: (body: Uint8Array, round: TestRound) => Uint8Array | Promise<Uint8Array>) {
    const round = await TestRound.create(setup);
    await round.run({ toClient: towards(VICTIM, 'result', (body) => change(body, round)) });
    return round.client(VICTIM).effects.at(-1);
  }

  it('leaves where the coordinator did not sign it', async () => {
    expect(await tell((body) => flip(body, -1))).toEqual({ kind: 'aborted', code: 'secagg.signature' });
  });

  it.each([
    ['of another transcript', { transcript: new Uint8Array(32) }],
    ['of another number of survivors', { survivors: 9 }],
  ])('leaves where it is %s', async (_, changes) => {
    const last = await tell(async (body, round) => {
      const content = { ...decodeResult(body), ...changes };
      const { secretKey } = round.enrolment.coordinator;
      const signature = await signLabelled(primitives, secretKey, 'result', resultContent(content));
      return encodeResult({ ...content, signature });
    });
    expect(last).toEqual({ kind: 'aborted', code: 'secagg.transcript' });
  });
});

describe('an abort', () => {
  const code = new TextEncoder().encode('secagg.stop');

  /** The victim is sent this in place of its inbox. */
  async function send(make: (round: TestRound) => Promise<Uint8Array>) {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: towards(VICTIM, 'inbox', async () => ({ type: 'abort', body: await make(round) })),
    });
    return round.client(VICTIM);
  }

  it('of the coordinator’s ends the round for a client', async () => {
    const victim = await send(async (round) => {
      const { context } = await viewOf(round);
      const { secretKey } = round.enrolment.coordinator;
      const signature = await signLabelled(primitives, secretKey, 'abort', context.parametersHash, code);
      return encodeAbort({ code: 'secagg.stop', signature });
    });
    expect(victim.effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.stop' });
    expect(victim.sent.map(({ type }) => type)).toEqual(['advert', 'shares']);
  });

  it.each<[string, (round: TestRound) => Promise<Uint8Array>]>([
    [
      'another client signed',
      async (round) =>
        signAs(round.client(CORRUPT), 'abort', (await viewOf(round)).context.parametersHash, code),
    ],
    [
      'is of another round',
      (round) =>
        signLabelled(primitives, round.enrolment.coordinator.secretKey, 'abort', new Uint8Array(32), code),
    ],
    [
      'says another reason',
      async (round) =>
        signLabelled(
          primitives,
          round.enrolment.coordinator.secretKey,
          'abort',
          (await viewOf(round)).context.parametersHash,
          u32(0),
        ),
    ],
  ])('that %s is named as the forgery that it is', async (_, sign) => {
    const victim = await send(async (round) =>
      encodeAbort({ code: 'secagg.stop', signature: await sign(round) }),
    );
    await expectLeft(victim, 'secagg.signature', 'masked');
  });

  it('of one client’s leaves the others their round', async () => {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      toCoordinator: (from, message) =>
        from === CORRUPT && message.type === 'masked'
          ? [{ type: 'abort', body: encodeAbort({ code: 'secagg.stop', signature: new Uint8Array(64) }) }]
          : [message],
    });
    expect(outcome.rejected).toEqual([expect.objectContaining({ from: round.client(CORRUPT).id })]);
    expect(outcome.result?.survivors).toHaveLength(COUNT - 1);
    expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
  });
});

describe('a coordinator that is sent shares of secrets', () => {
  /** These clients reveal otherwise, and sign it. */
  async function reveal(
    liars: readonly number[],
    change: (reveal: Reveal, liar: number) => Partial<Reveal>,
    { losses = new Map<number, MessageType>(), sign = true } = {},
  ) {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      losses,
      toCoordinator: async (from, message) => {
        if (!liars.includes(from) || message.type !== 'reveal') return [message];
        const held = decodeReveal(message.body, COUNT - 1);
        const changed = { ...held, ...change(held, from) };
        const list = labelledHash(primitives, 'list', encodeRevealed(changed));
        const signature = sign
          ? await signAs(
              round.client(from),
              'unmask',
              changed.context,
              changed.survivorsHash,
              u32(from),
              list,
            )
          : changed.signature;
        return [{ type: 'reveal', body: encodeReveal({ ...changed, signature }) }];
      },
    });
    return { round, outcome, ids: round.clients.map(({ id }) => id) };
  }

  const wrongShare = (shares: Reveal['keyShares']) =>
    shares.map((held) => ({ ...held, share: flip(held.share, 3) }));

  it('corrects as many wrong shares of a lost client’s key as can be, and names who sent them', async () => {
    // Nine of ten reveal; six are needed: one wrong share can be corrected.
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    const { round, outcome, ids } = await reveal(
      [CORRUPT],
      ({ keyShares }) => ({ keyShares: wrongShare(keyShares) }),
      { losses },
    );
    expect(outcome.result?.blamed).toEqual([ids[CORRUPT]]);
    expect(outcome.result?.sum).toEqual(round.sumOf(ids.slice(1)));
  });

  it('aborts where one more is wrong than can be corrected: there is no second set of survivors', async () => {
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    const { outcome } = await reveal(
      [3, CORRUPT],
      ({ keyShares }) => ({ keyShares: wrongShare(keyShares) }),
      { losses },
    );
    expect(outcome.aborted).toMatchObject({ phase: 'unmask', code: 'secagg.unrecoverable' });
    expect(outcome.result).toBeUndefined();
    expect(outcome.debit).toBeDefined();
  });

  it('names no owner where so many liars as are tolerated could have framed it', async () => {
    // Seven of ten reveal and six are needed: nothing can be corrected, and one liar is tolerated.
    const losses = new Map<number, MessageType>([
      [0, 'masked'],
      [1, 'reveal'],
      [2, 'reveal'],
    ]);
    const { outcome } = await reveal([CORRUPT], ({ keyShares }) => ({ keyShares: wrongShare(keyShares) }), {
      losses,
    });
    expect(outcome.aborted).toMatchObject({ code: 'secagg.unrecoverable', blamed: [] });
  });

  it('names the owner where fewer liars are tolerated than could be corrected', async () => {
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    const { outcome, ids } = await reveal(
      Array.from({ length: COUNT }, (_, index) => index),
      ({ keyShares }) => ({ keyShares: wrongShare(keyShares) }),
      { losses },
    );
    expect(outcome.aborted).toMatchObject({ code: 'secagg.unrecoverable', blamed: [ids[0]] });
  });

  it('does without a holder that has lied of one secret where it rebuilds the next', async () => {
    const losses = new Map<number, MessageType>([
      [0, 'masked'],
      [1, 'masked'],
    ]);
    // Of client 0 eight shares come, so that one can be corrected; of client 1 seven, and none can.
    const silent = 9;
    const { round, outcome, ids } = await reveal(
      [CORRUPT, silent],
      ({ keyShares }, liar) => ({
        keyShares: liar === CORRUPT ? wrongShare(keyShares) : keyShares.filter(({ owner }) => owner !== 1),
      }),
      { losses },
    );
    expect(outcome.result?.blamed).toEqual([ids[CORRUPT]]);
    expect(outcome.result?.sum).toEqual(round.sumOf(ids.slice(2)));
  });

  it('corrects a wrong share of the seed of a survivor that did not answer', async () => {
    const losses = new Map<number, MessageType>([[0, 'reveal']]);
    const { round, outcome, ids } = await reveal(
      [CORRUPT],
      ({ seedShares }) => ({ seedShares: wrongShare(seedShares) }),
      { losses },
    );
    expect(outcome.result?.blamed).toEqual([ids[CORRUPT]]);
    expect(outcome.result?.sum).toEqual(round.sumOf(ids));
  });

  it('counts a share that is no element of the field among the wrong ones', async () => {
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    const share = new Uint8Array(36).fill(0xff);
    const { round, outcome, ids } = await reveal(
      [CORRUPT],
      ({ keyShares }) => ({ keyShares: keyShares.map((held) => ({ ...held, share })) }),
      { losses },
    );
    expect(outcome.result?.sum).toEqual(round.sumOf(ids.slice(1)));
  });

  it('rebuilds from the shares the seed of a survivor that lies about its own, and names it', async () => {
    const { round, outcome, ids } = await reveal([CORRUPT], ({ selfSeed }) => ({
      selfSeed: flip(selfSeed, 0),
    }));
    expect(outcome.result?.blamed).toEqual([ids[CORRUPT]]);
    expect(outcome.result?.sum).toEqual(round.sumOf(ids));
  });

  it('aborts where fewer than the threshold answer for a lost client', async () => {
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    const silent = Array.from({ length: COUNT - THRESHOLD }, (_, index) => index + 1);
    silent.forEach((index) => losses.set(index, 'reveal'));
    const { outcome } = await reveal([], () => ({}), { losses });
    expect(outcome.aborted).toMatchObject({ phase: 'unmask', code: 'secagg.unrecoverable' });
    expect(outcome.debit).toBeDefined();
  });

  it('aborts where the shares that a lost client dealt are of another key', async () => {
    const losses = new Map<number, MessageType>([[0, 'masked']]);
    // Every holder has a share that lies on one polynomial, but not on that of the key: so the dealer lied, not the holders.
    const everybody = Array.from({ length: COUNT }, (_, index) => index);
    const { outcome } = await reveal(
      everybody,
      ({ keyShares }) => ({
        keyShares: keyShares.map((held) => ({ ...held, share: new Uint8Array(36) })),
      }),
      { losses },
    );
    expect(outcome.aborted).toMatchObject({ code: 'secagg.unrecoverable' });
    expect(outcome.result).toBeUndefined();
  });

  it.each<[string, (reveal: Reveal) => Partial<Reveal>]>([
    [
      'a share of the key of a survivor',
      ({ seedShares, keyShares }) => ({
        seedShares: seedShares.slice(1),
        keyShares: [...seedShares.slice(0, 1), ...keyShares],
      }),
    ],
    ['both shares of one', ({ seedShares }) => ({ keyShares: seedShares.slice(0, 1) })],
    [
      'a share at a point of its choosing',
      ({ seedShares: [first, ...rest] }) => ({
        seedShares: [{ ...(first as Reveal['seedShares'][number]), x: 9 }, ...rest],
      }),
    ],
    [
      'a share of its own secret',
      ({ seedShares }) => ({
        seedShares: [
          ...seedShares.filter(({ owner }) => owner < CORRUPT),
          { owner: CORRUPT, x: 0, share: new Uint8Array(36) },
        ],
      }),
    ],
    [
      'a share of nobody on the roster',
      ({ seedShares }) => ({
        seedShares: [...seedShares.slice(1), { owner: 4_000_000_000, x: 1, share: new Uint8Array(36) }],
      }),
    ],
  ])('refuses %s', async (_, change) => {
    const { round, outcome, ids } = await reveal([CORRUPT], change);
    expect(outcome.rejected).toEqual([{ kind: 'rejected', from: ids[CORRUPT], code: 'secagg.shares' }]);
    expect(outcome.result?.sum).toEqual(round.sumOf(ids));
  });

  it('refuses shares for other survivors, or of another round', async () => {
    for (const changes of [{ survivorsHash: new Uint8Array(32) }, { context: new Uint8Array(32) }]) {
      const { outcome } = await reveal([CORRUPT], () => changes);
      expect(outcome.rejected).toEqual([expect.objectContaining({ code: 'secagg.context' })]);
    }
  });

  it('refuses shares whose signature does not hold', async () => {
    const flipped = await reveal([CORRUPT], ({ selfSeed }) => ({ selfSeed: flip(selfSeed, 1) }), {
      sign: false,
    });
    expect(flipped.outcome.rejected).toEqual([expect.objectContaining({ code: 'secagg.signature' })]);
    const malleated = await reveal([CORRUPT], ({ signature }) => ({ signature: malleate(signature) }), {
      sign: false,
    });
    expect(malleated.outcome.rejected).toEqual([expect.objectContaining({ code: 'secagg.signature' })]);
  });

  it('never opens again: whatever comes after the end changes nothing', async () => {
    const { round, outcome, ids } = await reveal([], () => ({}));
    const sum = outcome.result?.sum.slice();
    for (const client of round.clients) {
      for (const message of client.sent) {
        const effects = await round.coordinator.receive(
          client.id,
          { ...message, body: flip(message.body, 0) },
          NOW,
        );
        expect(effects).toEqual([expect.objectContaining({ kind: 'rejected' })]);
      }
    }
    expect(await round.coordinator.close()).toEqual([]);
    expect(outcome.result?.sum).toEqual(sum);
    expect(ids).toHaveLength(COUNT);
  });
});
