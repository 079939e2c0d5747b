import { describe, expect, it } from 'vitest';
import { primitives as nodePrimitives } from '@tutti/shared/crypto/primitives';
import { memoised, type Primitives } from '@tutti/shared/crypto';
import type { Message, MessageType } from '@tutti/shared/secagg';
import { NOW, TestRound } from '../../support/secagg-harness.js';

/** Every check takes a while, so that whatever is not kept in turn overlaps. */
const slow: Primitives = {
  ...memoised(nodePrimitives),
  async verify(publicKey, message, signature) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    return nodePrimitives.verify(publicKey, message, signature);
  },
};

/** Runs the round with one client that hears nothing from the first message of this type on. Returns that message. */
async function runUntil(round: TestRound, client: number, type: MessageType): Promise<Message> {
  let withheld: Message | undefined;
  await round.run({
    toClient: (to, message) => {
      if (to !== client) return [message];
      if (message.type === type) withheld ??= message;
      return withheld ? [] : [message];
    },
  });
  if (withheld === undefined) throw new Error(`Client ${client} was never sent ${type}.`);
  return withheld;
}

it('a vector that arrives twice at the same moment is added once', async () => {
  const round = await TestRound.create({ seed: 'once', clients: 6, primitives: slow });
  const { result } = await round.run({
    toCoordinator: async (from, message) => {
      // The last vector closes the phase: it goes the usual way, so that the shell has the effects.
      if (message.type !== 'masked' || from === 5) return [message];
      const { id } = round.client(from);
      const answers = await Promise.all([
        round.coordinator.receive(id, message, NOW),
        round.coordinator.receive(id, message, NOW),
      ]);
      expect(answers.map((effects) => effects.map(({ kind }) => kind))).toEqual([['persist'], []]);
      return [];
    },
  });
  expect(result?.sum).toEqual(round.sumOf(round.clients.map(({ id }) => id)));
});

describe('a client’s clock', () => {
  const deadlines = {
    advertise: NOW,
    revealSeed: NOW,
    share: NOW + 1000,
    input: NOW + 2000,
    consistency: NOW + 3000,
    unmask: NOW + 4000,
  };

  it.each([
    ['roster', 'share', 'send'],
    ['inbox', 'input', 'encode'],
    ['survivors', 'consistency', 'send'],
    ['quorum', 'unmask', 'send'],
  ] as const)('refuses a message of type %s once its %s is overdue', async (type, due, answer) => {
    for (const late of [false, true]) {
      const round = await TestRound.create({ seed: 'due', clients: 6, parameters: { deadlines } });
      const message = await runUntil(round, 3, type);
      const effects = await round.client(3).machine.receive(message, deadlines[due] + (late ? 1 : 0));
      const expected = late
        ? { kind: 'aborted', code: 'secagg.deadline' }
        : (expect.objectContaining({ kind: answer }) as unknown);
      expect(effects.at(-1)).toEqual(expected);
    }
  });

  it.each([
    ['roster', 'aborted'],
    ['survivors', 'aborted'],
    ['result', 'finished'],
  ] as const)('ends a round in which no %s comes: %s', async (type, end) => {
    const round = await TestRound.create({ seed: 'silence', clients: 6 });
    const { machine } = round.client(3);
    const { unmask } = round.parameters.deadlines;
    expect(machine.expiresAt).toBeUndefined();
    await runUntil(round, 3, type);
    expect(machine.expiresAt).toBe(unmask);
    expect(await machine.expire(unmask)).toEqual([]);
    expect((await machine.expire(unmask + 1)).at(-1)?.kind).toBe(end);
    expect(machine.phase).toBe(end);
    expect(await machine.expire(unmask + 2)).toEqual([]);
  });
});

it('a client that says that it leaves is not waited for', async () => {
  const round = await TestRound.create({ seed: 'leaves', clients: 7 });
  await round.run({
    toClient: (to, { type, body }) => [
      { type, body: to === 3 && type === 'roster' ? body.subarray(1) : body },
    ],
  });
  expect(round.client(3).sent.at(-1)?.type).toBe('abort');
  expect(round.coordinator.phase).toBe('finished');
  expect(round.coordinator.sharerCount).toBe(6);
});
