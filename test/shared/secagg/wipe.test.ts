import { describe, expect, it } from 'vitest';
import { primitives as nodePrimitives } from '@tutti/shared/crypto/primitives';
import { equalBytes, tag, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import type { Message, MessageType } from '@tutti/shared/secagg';
import { TestRound, type Network } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';
import { flip } from './support/attacker.js';

/** Keeps hold of every array in which a client of the round ever had a key, a seed or a share. */
class Watch {
  readonly secrets = new Set<Uint8Array>();

  readonly primitives: Primitives = {
    ...nodePrimitives,
    agreementKeyPair: async (random) => {
      const pair = await nodePrimitives.agreementKeyPair(random);
      this.keep(pair.secretKey);
      return pair;
    },
    agree: async (secretKey, publicKey) => this.keep(await nodePrimitives.agree(secretKey, publicKey)),
    // Not the order of a ring's clients, which is everybody's.
    hkdf: (secret, salt, info, length) => {
      const key = nodePrimitives.hkdf(secret, salt, info, length);
      return equalBytes(info, tag('perm')) ? key : this.keep(key);
    },
    open: (key, ciphertext) => {
      const plain = nodePrimitives.open(key, ciphertext);
      return plain && this.keep(plain);
    },
  };

  /** Keys and seeds are drawn first, 32 bytes at a time; what follows are coefficients, which are not kept anywhere. */
  readonly random = (client: number): RandomSource => {
    const source = seededRandom(`wipe/${client}`);
    let sharing = false;
    return {
      kind: source.kind,
      fill: (bytes) => {
        sharing ||= bytes.length !== 32;
        return sharing ? source.fill(bytes) : this.keep(source.fill(bytes));
      },
    };
  };

  get alive(): number {
    return [...this.secrets].filter((secret) => secret.some((byte) => byte !== 0)).length;
  }

  private keep(secret: Uint8Array): Uint8Array {
    this.secrets.add(secret);
    return secret;
  }
}

async function watchedRound(changes: Parameters<typeof TestRound.create>[0]['parameters'] = {}) {
  const watch = new Watch();
  const round = await TestRound.create({
    seed: 'wipe',
    clients: 10,
    parameters: { deltaPpm: 100_000, ...changes },
    primitives: watch.primitives,
    random: watch.random,
  });
  return { watch, round };
}

const broken = (type: MessageType): Network => ({
  toClient: (_, message: Message) =>
    message.type === type ? [{ type, body: flip(message.body, type === 'inbox' ? 0 : -1) }] : [message],
});

describe('every secret of a client is overwritten', () => {
  it('but not while it is needed', async () => {
    const { watch, round } = await watchedRound();
    const alive: Partial<Record<MessageType, number>> = {};
    await round.run({
      toClient: (_, message) => {
        alive[message.type] ??= watch.alive;
        return [message];
      },
    });
    expect(watch.secrets.size).toBeGreaterThan(300);
    // Two keys each, then a seed more.
    expect(alive).toMatchObject({
      'round-open': 0,
      roster: 20,
      inbox: 30,
      survivors: 30,
      quorum: 30,
      result: 0,
    });
  });

  it('once it has revealed', async () => {
    const { watch, round } = await watchedRound();
    await round.run({ toClient: (_, message) => (message.type === 'result' ? [] : [message]) });
    expect(round.clients.map(({ machine }) => machine.phase)).toEqual(Array(10).fill('revealed'));
    expect(watch.alive).toBe(0);
  });

  it.each(['roster', 'inbox', 'survivors', 'quorum'] as const)(
    'when it leaves over a broken %s',
    async (type) => {
      const { watch, round } = await watchedRound();
      await round.run(broken(type));
      expect(round.clients.map(({ machine }) => machine.phase)).toEqual(Array(10).fill('aborted'));
      expect(watch.secrets.size).toBeGreaterThan(19);
      expect(watch.alive).toBe(0);
    },
  );

  it('when it leaves over broken seeds of the graph, its part of them included', async () => {
    const { watch, round } = await watchedRound({ graphMode: 'ring-reveal' });
    await round.run(broken('seeds'));
    expect(round.clients.map(({ machine }) => machine.phase)).toEqual(Array(10).fill('aborted'));
    expect(watch.secrets.size).toBeGreaterThanOrEqual(30);
    expect(watch.alive).toBe(0);
  });

  it.each(['shares', 'masked', 'consistency'] as const)(
    'when the coordinator gives up for want of messages of type %s',
    async (type) => {
      const { watch, round } = await watchedRound();
      await round.run({ toCoordinator: (_, message) => (message.type === type ? [] : [message]) });
      expect(round.coordinator.phase).toBe('aborted');
      expect(round.clients.map(({ machine }) => machine.phase)).toEqual(Array(10).fill('aborted'));
      expect(watch.alive).toBe(0);
    },
  );

  it.each(['roster', 'inbox', 'survivors', 'quorum'] as const)(
    'when the last deadline passes and no %s has come',
    async (type) => {
      const { watch, round } = await watchedRound();
      await round.run({
        toClient: (_, message) => (['abort', type].includes(message.type) ? [] : [message]),
      });
      expect(watch.alive).toBeGreaterThan(0);
      const late = round.parameters.deadlines.unmask + 1;
      for (const { machine } of round.clients) await machine.expire(late);
      expect(watch.alive).toBe(0);
    },
  );

  it('when the vector it is given has the wrong shape', async () => {
    const { watch, round } = await watchedRound();
    const { machine } = round.client(4);
    const provide = machine.provide.bind(machine);
    machine.provide = (vector) => provide(vector.slice(1));
    await round.run({ toClient: (to, message) => (to === 4 || message.type !== 'inbox' ? [message] : []) });
    expect(machine.phase).toBe('aborted');
    for (const client of round.clients) await client.machine.expire(round.parameters.deadlines.unmask + 1);
    expect(watch.alive).toBe(0);
  });
});
