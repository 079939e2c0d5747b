import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { concatBytes } from '@tutti/shared/crypto';
import { cohortParameters, requiredSurvivors, type Message, type MessageType } from '@tutti/shared/secagg';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import { u32 } from '../../../packages/shared/src/secagg/labels.js';
import {
  decodeSurvivors,
  encodeSurvivors,
  type Evidence,
  type Survivors,
} from '../../../packages/shared/src/secagg/messages/consistency.js';
import { decodeMasked } from '../../../packages/shared/src/secagg/messages/input.js';
import { hashSharers, hashSurvivors, hashVector } from '../../../packages/shared/src/secagg/round-context.js';
import { NOW, roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { expectLeft, flip, malleate, sentBy, signAs, towards, viewOf } from './support/attacker.js';

const VICTIM = 2;
const CORRUPT = 4;
const COUNT = 10;
const setup: RoundSetup = { seed: 'consistency', clients: COUNT };
const everybody = Array.from({ length: COUNT }, (_, index) => index);
const without = (...away: number[]) => everybody.filter((index) => !away.includes(index));

/** The evidence that a client really sent, for these clients. */
function evidenceFor(round: TestRound, indices: Iterable<number>): Evidence[] {
  return [...indices].map((index) => {
    const body = sentBy(round.client(index), 'masked') ?? new Uint8Array(0);
    const { vector, signature } = decodeMasked(body, 64);
    return { vectorHash: hashVector(primitives, index, vector), signature };
  });
}

/** Tells the victim of other survivors than everybody else. */
async function tell(
  change: (survivors: Survivors, round: TestRound) => Survivors | Promise<Survivors>,
  changes: Partial<RoundSetup> = {},
  losses = new Map<number, MessageType>(),
) {
  const round = await TestRound.create({ ...setup, ...changes });
  const outcome = await round.run({
    losses,
    toClient: towards(VICTIM, 'survivors', async (body) =>
      encodeSurvivors(await change(decodeSurvivors(body, round.clients.length), round)),
    ),
  });
  return { round, outcome, victim: round.client(VICTIM) };
}

/** Survivors with true evidence for those of them that are not the victim: the graph is complete. */
const survive = (indices: readonly number[]) => (_: Survivors, round: TestRound) => ({
  survivors: IndexSet.of(COUNT, indices).bytes,
  evidence: evidenceFor(
    round,
    indices.filter((index) => index !== VICTIM),
  ),
});

describe('a client that is told who survived', () => {
  it('signs where that is true, and where some of them were lost', async () => {
    const { victim, outcome } = await tell(
      survive(without(0, 7)),
      {},
      new Map([
        [0, 'masked'],
        [7, 'masked'],
      ]),
    );
    expect(outcome.result?.survivors).toHaveLength(8);
    expect(victim.machine.phase).toBe('finished');
  });

  it('leaves where it is not among them: it helps nobody to unmask', async () => {
    const { victim } = await tell(survive(without(VICTIM)));
    await expectLeft(victim, 'secagg.left-out', 'consistency');
  });

  it('leaves where one of them never shared keys', async () => {
    const { victim } = await tell(
      (survivors) => ({ ...survivors, survivors: IndexSet.of(COUNT, everybody).bytes }),
      {},
      new Map([[0, 'shares']]),
    );
    await expectLeft(victim, 'secagg.survivors', 'consistency');
  });

  it('leaves where there are fewer than a quorum', async () => {
    const { quorum } = cohortParameters({ ...roundParameters(), n: COUNT });
    const { victim } = await tell(survive(everybody.slice(0, quorum - 1)));
    await expectLeft(victim, 'secagg.too-few-survivors', 'consistency');
  });

  it('leaves where there are fewer than the smallest cohort', async () => {
    const { victim } = await tell(survive(without(9)), { parameters: { minimumCohort: 10 } });
    await expectLeft(victim, 'secagg.too-few-survivors', 'consistency');
  });

  it('leaves where there are fewer than the noise needs', async () => {
    const parameters = { honestPpm: 800_000 };
    // 8 honest and 1 that may be corrupt.
    expect(requiredSurvivors(roundParameters(parameters), COUNT, COUNT)).toBe(9);
    const { victim } = await tell(survive(without(8, 9)), { parameters });
    await expectLeft(victim, 'secagg.too-few-survivors', 'consistency');
  });

  it('leaves where all but few of its neighbours are declared lost: it cannot be isolated', async () => {
    const ring: Partial<RoundSetup> = {
      seed: 'consistency/ring',
      clients: 40,
      parameters: { graphMode: 'ring-reveal', deltaPpm: 100_000 },
    };
    const { victim } = await tell(async (_, round) => {
      const { context } = await viewOf(round);
      const neighbours = [...context.graph.neighbours(VICTIM)];
      const kept = neighbours.slice(0, context.cohort.threshold - 1);
      const survivors = [...Array(40).keys()].filter(
        (index) => kept.includes(index) || !neighbours.includes(index),
      );
      return { survivors: IndexSet.of(40, survivors).bytes, evidence: evidenceFor(round, kept) };
    }, ring);
    await expectLeft(victim, 'secagg.isolated', 'consistency');
  });

  it('leaves where evidence is missing, or there is some for another', async () => {
    for (const change of [
      (evidence: readonly Evidence[]) => evidence.slice(1),
      (evidence: readonly Evidence[]) => [...evidence, ...evidence.slice(0, 1)].slice(0, COUNT),
      () => [],
    ]) {
      const { victim } = await tell((survivors) => ({ ...survivors, evidence: change(survivors.evidence) }));
      await expectLeft(victim, 'secagg.evidence', 'consistency');
    }
  });

  // The corrupt neighbour stands fourth among the victim's neighbours.
  const replaceEvidence =
    (make: (evidence: Evidence, round: TestRound) => Evidence | Promise<Evidence>) =>
    async (survivors: Survivors, round: TestRound): Promise<Survivors> => {
      const evidence = [...survivors.evidence];
      evidence[CORRUPT - 1] = await make(evidence[CORRUPT - 1] as Evidence, round);
      return { ...survivors, evidence };
    };

  it.each<[string, (evidence: Evidence) => Evidence]>([
    ['one bit of the vector’s hash is wrong', (held) => ({ ...held, vectorHash: flip(held.vectorHash, 0) })],
    ['one bit of the signature is wrong', (held) => ({ ...held, signature: flip(held.signature, 0) })],
    ['the signature is S + L', (held) => ({ ...held, signature: malleate(held.signature) })],
  ])('leaves where %s in the evidence', async (_, change) => {
    const { victim } = await tell(replaceEvidence(change));
    await expectLeft(victim, 'secagg.signature', 'consistency');
  });

  it('leaves where the evidence of two neighbours is exchanged', async () => {
    const { victim } = await tell(({ survivors, evidence: [first, second, ...rest] }) => ({
      survivors,
      evidence: [second as Evidence, first as Evidence, ...rest],
    }));
    await expectLeft(victim, 'secagg.signature', 'consistency');
  });

  it('leaves where a neighbour masked under other sharers, in another round, or signed as something else', async () => {
    const other = new Uint8Array(32).fill(1);
    const makes = [
      async (round: TestRound) => {
        const { context } = await viewOf(round);
        return [
          'masked',
          context.hash,
          hashSharers(primitives, context, IndexSet.of(COUNT, without(0))),
        ] as const;
      },
      async (round: TestRound) => ['masked', other, (await viewOf(round)).sharersHash] as const,
      async (round: TestRound) =>
        ['u3', (await viewOf(round)).context.hash, (await viewOf(round)).sharersHash] as const,
    ];
    for (const make of makes) {
      const { victim } = await tell(
        replaceEvidence(async ({ vectorHash }, round) => {
          const [label, context, sharersHash] = await make(round);
          const signature = await signAs(
            round.client(CORRUPT),
            label,
            context,
            sharersHash,
            u32(CORRUPT),
            vectorHash,
          );
          return { vectorHash, signature };
        }),
      );
      await expectLeft(victim, 'secagg.signature', 'consistency');
    }
  });

  it('leaves where another client signed in a neighbour’s name', async () => {
    const { victim } = await tell(
      replaceEvidence(async ({ vectorHash }, round) => {
        const { context, sharersHash } = await viewOf(round);
        const signature = await signAs(
          round.client(0),
          'masked',
          context.hash,
          sharersHash,
          u32(CORRUPT),
          vectorHash,
        );
        return { vectorHash, signature };
      }),
    );
    await expectLeft(victim, 'secagg.signature', 'consistency');
  });

  it('leaves where a lost client is counted in, though its neighbours never see a vector of it', async () => {
    const { victim } = await tell(
      async (_, round) => {
        const { context, sharersHash } = await viewOf(round);
        const invented = hashVector(primitives, 0, new Uint8Array(64));
        const signature = await signAs(
          round.client(CORRUPT),
          'masked',
          context.hash,
          sharersHash,
          u32(0),
          invented,
        );
        const true_ = evidenceFor(round, without(0, VICTIM));
        return {
          survivors: IndexSet.of(COUNT, everybody).bytes,
          evidence: [{ vectorHash: invented, signature }, ...true_],
        };
      },
      {},
      new Map([[0, 'masked']]),
    );
    await expectLeft(victim, 'secagg.signature', 'consistency');
  });

  it.each([
    ['too short', (bytes: Uint8Array) => bytes.subarray(1)],
    ['too long', (bytes: Uint8Array) => concatBytes(bytes, new Uint8Array(1))],
    ['with a client beyond the roster', (bytes: Uint8Array) => Uint8Array.of(bytes[0] ?? 0, 0xff)],
  ])('leaves where the bitmap is %s', async (_, change) => {
    const { victim } = await tell((message) => ({ ...message, survivors: change(message.survivors) }));
    await expectLeft(victim, 'secagg.malformed', 'consistency');
  });

  const second = (round: TestRound): Message => ({
    type: 'survivors',
    body: encodeSurvivors(survive(without(9))({ survivors: new Uint8Array(0), evidence: [] }, round)),
  });

  it('signs once: told of other survivors afterwards, it leaves and reveals nothing', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: (to, message) =>
        to === VICTIM && message.type === 'survivors' ? [message, second(round)] : [message],
    });
    const { effects, sent } = round.client(VICTIM);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
    expect(sent.filter(({ type }) => type === 'consistency')).toHaveLength(1);
    expect(sent.map(({ type }) => type)).not.toContain('reveal');
  });

  it('signs once, though it is told of two sets at the same moment', async () => {
    const round = await TestRound.create(setup);
    let sent: string[] = [];
    await round.run({
      toClient: async (to, message) => {
        if (to !== VICTIM || message.type !== 'survivors') return [message];
        const { machine } = round.client(VICTIM);
        const effects = await Promise.all([
          machine.receive(message, NOW),
          machine.receive(second(round), NOW),
        ]);
        sent = effects.flat().flatMap((effect) => (effect.kind === 'send' ? [effect.message.type] : []));
        return [];
      },
    });
    expect(sent).toEqual(['consistency', 'abort']);
  });

  it('in two halves that are told of different survivors bring neither to a quorum', async () => {
    const round = await TestRound.create({ ...setup, seed: 'halves' });
    const outcome = await round.run({
      toClient: (to, message) =>
        to % 2 === 1 && message.type === 'survivors'
          ? [
              {
                type: 'survivors',
                body: encodeSurvivors({
                  survivors: IndexSet.of(COUNT, without(0)).bytes,
                  evidence: evidenceFor(round, without(0, to)),
                }),
              },
            ]
          : [message],
    });
    for (const client of round.clients) expect(sentBy(client, 'consistency')).toBeDefined();
    expect(outcome.rejected.map(({ code }) => code)).toEqual(Array(5).fill('secagg.signature'));
    expect(outcome.aborted).toMatchObject({ phase: 'consistency', code: 'secagg.no-quorum' });
    expect(outcome.debit).toBeUndefined();
    for (const client of round.clients) expect(sentBy(client, 'reveal')).toBeUndefined();
  });
});

describe('a coordinator that is sent a signature of the survivors', () => {
  async function sign(
    make: (round: TestRound) => Uint8Array | Promise<Uint8Array>,
  ): Promise<{ code: string | undefined; phase: string }> {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      toCoordinator: async (from, message) =>
        from === CORRUPT && message.type === 'consistency'
          ? [{ type: 'consistency', body: await make(round) }]
          : [message],
    });
    // The others are a quorum, and the round goes on to its end.
    expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
    return { code: outcome.rejected[0]?.code, phase: round.coordinator.phase };
  }

  it.each<[string, (round: TestRound) => Promise<Uint8Array>]>([
    [
      'over other survivors',
      async (round) => {
        const { context, sharersHash } = await viewOf(round);
        const other = hashSurvivors(primitives, context, sharersHash, IndexSet.of(COUNT, without(0)));
        return signAs(round.client(CORRUPT), 'u3', context.hash, sharersHash, other, u32(CORRUPT));
      },
    ],
    [
      'of another kind',
      async (round) => {
        const { context, sharersHash, survivorsHash } = await viewOf(round);
        return signAs(
          round.client(CORRUPT),
          'masked',
          context.hash,
          sharersHash,
          survivorsHash,
          u32(CORRUPT),
        );
      },
    ],
    [
      'in another’s name',
      async (round) => {
        const { context, sharersHash, survivorsHash } = await viewOf(round);
        return signAs(round.client(CORRUPT), 'u3', context.hash, sharersHash, survivorsHash, u32(0));
      },
    ],
    [
      'that is S + L',
      async (round) => {
        const { context, sharersHash, survivorsHash } = await viewOf(round);
        return malleate(
          await signAs(round.client(CORRUPT), 'u3', context.hash, sharersHash, survivorsHash, u32(CORRUPT)),
        );
      },
    ],
  ])('refuses one %s, and goes on', async (_, make) => {
    expect(await sign(make)).toEqual({ code: 'secagg.signature', phase: 'finished' });
  });

  it('refuses that of a client which is not a survivor', async () => {
    const round = await TestRound.create(setup);
    const effects: unknown[] = [];
    await round.run({
      losses: new Map([[CORRUPT, 'masked']]),
      toCoordinator: async (from, message) => {
        if (from === 0 && message.type === 'consistency') {
          const { id } = round.client(CORRUPT);
          const body = new Uint8Array(64);
          effects.push(...(await round.coordinator.receive(id, { type: 'consistency', body }, NOW)));
        }
        return [message];
      },
    });
    expect(effects).toEqual([expect.objectContaining({ kind: 'rejected', code: 'secagg.not-a-survivor' })]);
  });
});
