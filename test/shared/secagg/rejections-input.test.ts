import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { concatBytes } from '@tutti/shared/crypto';
import type { CoordinatorEffect, Message, MessageType } from '@tutti/shared/secagg';
import { u32 } from '../../../packages/shared/src/secagg/labels.js';
import { beginMasked } from '../../../packages/shared/src/secagg/messages/input.js';
import { hashSharers, hashVector } from '../../../packages/shared/src/secagg/round-context.js';
import { IndexSet } from '../../../packages/shared/src/secagg/index-set.js';
import { NOW, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { flip, malleate, sentBy, signAs, viewOf } from './support/attacker.js';

const CORRUPT = 4;
const COUNT = 8;
const setup: RoundSetup = { seed: 'input', clients: COUNT };
const VECTOR_BYTES = 64;

/** A masked vector of the corrupt client's choosing, signed as it likes. */
async function maskedAs(
  round: TestRound,
  vector: Uint8Array,
  changes: {
    context?: Uint8Array;
    sharersHash?: Uint8Array;
    index?: number;
    label?: 'masked' | 'u3' | 'shares';
  } = {},
): Promise<Message> {
  const { context, sharersHash } = await viewOf(round);
  const message = beginMasked(vector.length);
  message.vector.set(vector);
  message.finish(
    await signAs(
      round.client(CORRUPT),
      changes.label ?? 'masked',
      changes.context ?? context.hash,
      changes.sharersHash ?? sharersHash,
      u32(changes.index ?? CORRUPT),
      hashVector(primitives, CORRUPT, vector),
    ),
  );
  return { type: 'masked', body: message.body };
}

/** The corrupt client sends these in place of its masked vector. */
async function sendMasked(
  replace: (
    message: Message,
    round: TestRound,
  ) => Message | readonly Message[] | Promise<Message | readonly Message[]>,
  losses = new Map<number, MessageType>(),
) {
  const round = await TestRound.create(setup);
  const outcome = await round.run({
    losses,
    toCoordinator: async (from, message) => {
      if (from !== CORRUPT || message.type !== 'masked') return [message];
      return [await replace(message, round)].flat();
    },
  });
  return { round, outcome };
}

/** Refused; the corrupt client is not in the sum, which is exact. */
async function expectRefused(replace: Parameters<typeof sendMasked>[0], code: string): Promise<void> {
  const { round, outcome } = await sendMasked(replace);
  const { id } = round.client(CORRUPT);
  expect(outcome.rejected).toContainEqual({ kind: 'rejected', from: id, code });
  expect(outcome.result?.survivors).toEqual(
    round.clients.map((client) => client.id).filter((other) => other !== id),
  );
  expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
}

describe('a coordinator that is sent a masked vector', () => {
  it.each([-4, -1, 1, 4])('refuses one that is longer by %i bytes', async (more) => {
    await expectRefused(
      (_, round) => maskedAs(round, new Uint8Array(VECTOR_BYTES + more)),
      'secagg.malformed',
    );
  });

  it('refuses one of which a bit was changed on the way', async () => {
    await expectRefused(({ body }) => ({ type: 'masked', body: flip(body, 10) }), 'secagg.signature');
  });

  it('refuses a signature S + L', async () => {
    await expectRefused(
      ({ body }) => ({
        type: 'masked',
        body: concatBytes(body.subarray(0, -64), malleate(body.subarray(-64))),
      }),
      'secagg.signature',
    );
  });

  it('refuses one that is signed for another round, other sharers, another client, or as something else', async () => {
    const other = new Uint8Array(32).fill(8);
    for (const changes of [
      { context: other },
      { sharersHash: other },
      { index: 0 },
      { label: 'u3' },
      { label: 'shares' },
    ] as const)
      await expectRefused(
        (_, round) => maskedAs(round, new Uint8Array(VECTOR_BYTES), changes),
        'secagg.signature',
      );
  });

  it('refuses one that was masked among fewer sharers', async () => {
    await expectRefused(async (_, round) => {
      const { context } = await viewOf(round);
      const sharersHash = hashSharers(primitives, context, IndexSet.of(COUNT, [0, 1, 2, 3, 4, 5]));
      return maskedAs(round, new Uint8Array(VECTOR_BYTES), { sharersHash });
    }, 'secagg.signature');
  });

  it('refuses another client’s', async () => {
    await expectRefused((_, round) => {
      const body = sentBy(round.client(0), 'masked') ?? new Uint8Array(0);
      return { type: 'masked', body };
    }, 'secagg.signature');
  });

  it('takes the first of two that differ, once', async () => {
    const { round, outcome } = await sendMasked(async (message, running) => [
      message,
      await maskedAs(running, new Uint8Array(VECTOR_BYTES)),
      message,
    ]);
    expect(outcome.rejected).toEqual([
      { kind: 'rejected', from: round.client(CORRUPT).id, code: 'secagg.contradiction' },
    ]);
    expect(outcome.result?.survivors).toHaveLength(COUNT);
    expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
  });

  it('refuses one of a client that never shared keys', async () => {
    const round = await TestRound.create(setup);
    const outcome = await round.run({
      toCoordinator: async (from, message) => {
        if (from === CORRUPT && message.type === 'shares') return [];
        if (from === 0 && message.type === 'masked') {
          const late = await maskedAs(round, new Uint8Array(VECTOR_BYTES));
          const effects = await round.coordinator.receive(round.client(CORRUPT).id, late, NOW);
          expect(effects).toEqual([
            { kind: 'rejected', from: round.client(CORRUPT).id, code: 'secagg.not-a-sharer' },
          ]);
        }
        return [message];
      },
    });
    expect(outcome.result?.sharers).toHaveLength(COUNT - 1);
    expect.hasAssertions();
  });

  it('drops one that comes after the survivors are fixed, and never adds it', async () => {
    const round = await TestRound.create(setup);
    let late: Message | undefined;
    const effects: unknown[] = [];
    const outcome = await round.run({
      toCoordinator: async (from, message) => {
        if (from === CORRUPT && message.type === 'masked') {
          late = message;
          return [];
        }
        if (late && message.type === 'consistency')
          effects.push(...(await round.coordinator.receive(round.client(CORRUPT).id, late, NOW)));
        return [message];
      },
    });
    expect(effects[0]).toMatchObject({ kind: 'rejected', code: 'secagg.misplaced' });
    expect(outcome.result?.survivors).toHaveLength(COUNT - 1);
    expect(outcome.result?.sum).toEqual(round.sumOf(outcome.result?.survivors ?? []));
  });

  it('adds none that is handed in at the moment at which the phase closes', async () => {
    const round = await TestRound.create(setup);
    const last = COUNT - 1;
    const { id } = round.client(last);
    let together: readonly CoordinatorEffect[][] = [];
    await round.run({
      toCoordinator: async (from, message) => {
        if (from !== last || message.type !== 'masked') return [message];
        const { coordinator } = round;
        const effects = await Promise.all([coordinator.close(), coordinator.receive(id, message, NOW)]);
        together = effects.map((list) => [...list]);
        return [];
      },
    });
    expect(together[1]).toEqual([{ kind: 'rejected', from: id, code: 'secagg.misplaced' }]);
    expect(round.coordinator.survivorCount).toBe(COUNT - 1);
  });
});
