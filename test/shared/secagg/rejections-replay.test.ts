import { beforeAll, describe, expect, it } from 'vitest';
import type { Message, MessageType } from '@tutti/shared/secagg';
import { NOW, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { towards } from './support/attacker.js';

const VICTIM = 2;
const COUNT = 12;
const setup: RoundSetup = {
  seed: 'replay',
  clients: COUNT,
  parameters: { graphMode: 'ring-reveal', deltaPpm: 100_000 },
};

const UPWARD: readonly MessageType[] = ['advert', 'seed-reveal', 'shares', 'masked', 'consistency', 'reveal'];
const DOWNWARD: readonly MessageType[] = ['roster', 'seeds', 'inbox', 'survivors', 'quorum', 'result'];

/** A round that has been: who the clients are, and all that the victim was told. */
let before: TestRound;
const told = new Map<MessageType, Message>();

/** The same clients, with fresh keys, in the round after that. */
const next = () =>
  TestRound.create({
    ...setup,
    seed: 'replay/next',
    enrolment: before.enrolment,
    parameters: { ...setup.parameters, roundNumber: 2 },
  });

beforeAll(async () => {
  before = await TestRound.create(setup);
  await before.run({
    toClient: (to, message) => {
      if (to === VICTIM) told.set(message.type, message);
      return [message];
    },
  });
});

describe('messages of another round', () => {
  it('were all good where they belong', () => {
    expect([...told.keys()]).toEqual(['round-open', ...DOWNWARD]);
    for (const { sent, machine } of before.clients) {
      expect(sent.map(({ type }) => type)).toEqual(UPWARD);
      expect(machine.phase).toBe('finished');
    }
  });

  it('are refused by the coordinator, each before the true one, and change nothing', async () => {
    const round = await next();
    const { result, rejected } = await round.run({
      toCoordinator: (from, message) => {
        const old = before.client(from).sent.find(({ type }) => type === message.type);
        return old ? [old, message] : [message];
      },
    });
    expect(rejected).toHaveLength(COUNT * UPWARD.length);
    expect(new Set(rejected.map(({ code }) => code))).toEqual(
      new Set(['secagg.parameters', 'secagg.seed', 'secagg.context', 'secagg.signature']),
    );
    expect(result?.sum).toEqual(round.sumOf(round.clients.map(({ id }) => id)));
  });

  it.each(DOWNWARD)('are not taken by a client for its own: %s', async (type) => {
    const round = await next();
    await round.run({ toClient: towards(VICTIM, type, () => told.get(type) as Message) });
    const { effects, sent } = round.client(VICTIM);
    const answers: Partial<Record<MessageType, MessageType>> = {
      roster: 'seed-reveal',
      seeds: 'shares',
      inbox: 'masked',
      survivors: 'consistency',
      quorum: 'reveal',
    };
    expect(effects.at(-1)?.kind).toBe('aborted');
    expect(sent.at(-1)?.type).toBe('abort');
    expect(sent.map((message) => message.type)).not.toContain(answers[type]);
  });

  it('do not open a round again: its number has been used', async () => {
    const round = await next();
    const effects = await round.client(VICTIM).machine.receive(told.get('round-open') as Message, NOW);
    expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.roundNumber' }]);
  });
});

describe('a message out of turn', () => {
  it('is refused by the coordinator in every phase, whatever its type, and changes nothing', async () => {
    const round = await next();
    const codes = new Set<string>();
    const { result } = await round.run({
      toCoordinator: async (from, message) => {
        if (from === VICTIM) {
          for (const type of [...UPWARD, ...DOWNWARD, 'round-open'] as const) {
            if (type === message.type) continue;
            const { id, sent } = round.client(VICTIM);
            // Under another name the body may be one that was taken before.
            const body = sent.find((own) => own.type !== type)?.body ?? new Uint8Array(0);
            for (const effect of await round.coordinator.receive(id, { type, body }, NOW))
              codes.add(effect.kind === 'rejected' ? effect.code : effect.kind);
          }
        }
        return [message];
      },
    });
    expect(codes).toEqual(new Set(['secagg.misplaced', 'secagg.contradiction']));
    expect(result?.sum).toEqual(round.sumOf(round.clients.map(({ id }) => id)));
  });

  it.each(DOWNWARD)('in place of %s makes a client leave, whatever its type', async (expected) => {
    for (const type of [...DOWNWARD, ...UPWARD, 'round-open'] as const) {
      if (type === expected) continue;
      const round = await next();
      await round.run({
        toClient: towards(VICTIM, expected, (body) => ({ type, body })),
      });
      expect(round.client(VICTIM).effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.misplaced' });
    }
  });
});
