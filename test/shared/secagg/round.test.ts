import { describe, expect, it } from 'vitest';
import { primitives as nodePrimitives } from '@tutti/shared/crypto/primitives';
import { memoised, toHex, uniformStream, type Primitives } from '@tutti/shared/crypto';
import { cohortParameters, type MessageType } from '@tutti/shared/secagg';
import { enrol, NOW, roundParameters, TestRound } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';

const AFTER_ROSTER: readonly MessageType[] = ['shares', 'masked', 'consistency', 'reveal'];

/** Whole numbers below a limit, drawn from a seed. */
function draws(seed: string): (limit: number) => number {
  const uniform = uniformStream(seededRandom(seed));
  return (limit) => Math.floor(uniform() * limit);
}

/** Who is lost, and before which of its messages. */
function drawLosses(seed: string, clients: number, count: number, stages: readonly MessageType[]) {
  const below = draws(`losses/${seed}`);
  const losses = new Map<number, MessageType>();
  while (losses.size < count) losses.set(below(clients), stages[below(stages.length)] ?? 'masked');
  return losses;
}

/** Clients lost before one of these messages. */
function lostBefore(losses: ReadonlyMap<number, MessageType>, ...types: MessageType[]): number[] {
  return [...losses].filter(([, type]) => types.includes(type)).map(([index]) => index);
}

describe('a round', () => {
  for (let example = 0; example < 24; example++) {
    const below = draws(`example/${example}`);
    const clients = 7 + below(26);
    const dimension = 1 + below(300);
    const laneBits = ([8, 16, 32] as const)[example % 3] ?? 32;
    const { alive } = cohortParameters({ ...roundParameters(), n: clients });
    const count = below(clients - alive + 1);
    const losses = drawLosses(`${example}`, clients, count, AFTER_ROSTER);

    it(`of ${clients} clients, ${count} lost on the way, sums ${dimension} lanes of ${laneBits} bits exactly`, async () => {
      const round = await TestRound.create({
        seed: example,
        clients,
        parameters: { dimension, laneBits },
      });
      const { result, debit, rejected } = await round.run({ losses, shuffle: example });
      const ids = round.clients.map(({ id }) => id);
      const sharers = ids.filter((_, index) => !lostBefore(losses, 'shares').includes(index));
      const survivors = ids.filter((_, index) => !lostBefore(losses, 'shares', 'masked').includes(index));
      expect(result?.sharers).toEqual(sharers);
      expect(result?.survivors).toEqual(survivors);
      expect(debit).toMatchObject({ sharers, survivors });
      expect(result?.sum).toEqual(round.sumOf(survivors));
      expect(result?.blamed).toEqual([]);
      expect(rejected).toEqual([]);
      round.clients.forEach(({ machine }, index) => {
        if (!losses.has(index)) expect(machine.phase).toBe('finished');
      });
    });
  }

  it('leaves out who never advertised, and is summed over the rest', async () => {
    const round = await TestRound.create({ seed: 'late', clients: 12 });
    const losses = new Map<number, MessageType>([
      [0, 'advert'],
      [7, 'advert'],
      [3, 'masked'],
    ]);
    const { result } = await round.run({ losses });
    const survivors = round.clients.filter((_, index) => ![0, 3, 7].includes(index)).map(({ id }) => id);
    expect(result?.survivors).toEqual(survivors);
    expect(result?.sum).toEqual(round.sumOf(survivors));
  });

  it('comes to the same sum in whatever order the messages arrive', async () => {
    const losses = drawLosses('order', 10, 2, AFTER_ROSTER);
    const sums = [];
    for (let shuffle = 0; shuffle < 5; shuffle++) {
      const round = await TestRound.create({ seed: 'order', clients: 10 });
      sums.push((await round.run({ losses, shuffle })).result?.sum);
    }
    expect(sums[0]).toBeDefined();
    for (const sum of sums) expect(sum).toEqual(sums[0]);
  });

  it('is told by every survivor’s own account: marked, then encoded once, then charged before the vector leaves', async () => {
    const round = await TestRound.create({ seed: 'effects', clients: 6 });
    await round.run();
    for (const { effects } of round.clients) {
      expect(effects.map((effect) => (effect.kind === 'send' ? effect.message.type : effect.kind))).toEqual([
        'persist-mark',
        'advert',
        'shares',
        'encode',
        'charge',
        'masked',
        'consistency',
        'reveal',
        'finished',
      ]);
    }
  });

  it('is debited before the quorum goes out', async () => {
    const round = await TestRound.create({ seed: 'debit', clients: 6 });
    const { effects } = await round.run();
    const debit = effects.findIndex(({ kind }) => kind === 'debit');
    const quorum = effects.findIndex((effect) => effect.kind === 'send' && effect.message.type === 'quorum');
    expect(debit).toBeGreaterThan(0);
    expect(quorum).toBeGreaterThan(debit);
  });
});

describe('a ring of which the clients drew the seed', () => {
  const parameters = {
    graphMode: 'ring-reveal',
    deltaPpm: 100_000,
    dimension: 50,
    minimumCohort: 20,
  } as const;
  const { graph, degree, threshold } = cohortParameters({ ...roundParameters(parameters), n: 40 });

  it('is a ring at 40 clients', () => {
    expect(graph).toBe('ring');
    expect(degree).toBeLessThan(39);
  });

  for (let example = 0; example < 4; example++) {
    it(`sums exactly with ${degree - threshold} of 40 lost (${example})`, async () => {
      const round = await TestRound.create({ seed: `ring/${example}`, clients: 40, parameters });
      const losses = drawLosses(`ring/${example}`, 40, degree - threshold, AFTER_ROSTER);
      const { result } = await round.run({ losses, shuffle: example });
      const survivors = round.clients.filter(
        (_, index) => !lostBefore(losses, 'shares', 'masked').includes(index),
      );
      expect(result?.survivors).toEqual(survivors.map(({ id }) => id));
      expect(result?.sum).toEqual(round.sumOf(survivors.map(({ id }) => id)));
    });
  }

  it('goes on without who did not reveal its share of the seed, and does not wait for it', async () => {
    const round = await TestRound.create({ seed: 'ring/silent', clients: 40, parameters });
    const losses = new Map<number, MessageType>([[5, 'seed-reveal']]);
    const awaited = new Set<string>();
    const { result } = await round.run({
      losses,
      toCoordinator: (_, message) => {
        if (message.type === 'shares') for (const id of round.coordinator.outstanding()) awaited.add(id);
        return [message];
      },
    });
    expect(awaited.size).toBe(39);
    expect(awaited).not.toContain(round.client(5).id);
    const others = round.clients.filter((_, index) => index !== 5).map(({ id }) => id);
    expect(result?.sharers).toEqual(others);
    expect(result?.sum).toEqual(round.sumOf(others));
  });
});

describe('a round that falls short', () => {
  const lost = (count: number, type: MessageType) =>
    new Map(Array.from({ length: count }, (_, index) => [index, type] as const));

  // Of ten clients at 10% corrupt: quorum and threshold are 6, so that 7 must survive for each to have 6 neighbours.
  it.each([
    ['advert', 8, 'advertise', 'secagg.too-few-adverts'],
    ['shares', 5, 'share', 'secagg.too-few-sharers'],
    ['masked', 5, 'input', 'secagg.too-few-survivors'],
    ['consistency', 5, 'consistency', 'secagg.no-quorum'],
  ] as const)(
    'of its %s messages (%i missing) is aborted with nothing learned',
    async (type, count, phase, code) => {
      const round = await TestRound.create({ seed: `short/${type}`, clients: 10 });
      const { aborted, result, debit } = await round.run({ losses: lost(count, type) });
      expect(aborted).toMatchObject({ phase, code });
      expect(result).toBeUndefined();
      expect(debit).toBeUndefined();
      round.clients.slice(count).forEach(({ machine, sent }) => {
        expect(machine.phase).toBe('aborted');
        expect(sent.map((message) => message.type)).not.toContain('reveal');
      });
    },
  );

  it('is aborted where a survivor has too few surviving neighbours', async () => {
    const round = await TestRound.create({ seed: 'short/isolated', clients: 10 });
    const { aborted, debit } = await round.run({ losses: lost(4, 'masked') });
    expect(aborted).toMatchObject({ phase: 'input', code: 'secagg.isolated' });
    expect(debit).toBeUndefined();
  });

  it('of answers to the last request is aborted, and stays paid for', async () => {
    const round = await TestRound.create({ seed: 'short/reveal', clients: 10 });
    const { aborted, result, debit } = await round.run({ losses: lost(6, 'reveal') });
    expect(aborted).toMatchObject({ phase: 'unmask', code: 'secagg.unrecoverable' });
    expect(result).toBeUndefined();
    expect(debit).toBeDefined();
  });
});

describe('mask streams', () => {
  it('never repeat: across pairs, clients, rounds and lane widths, each key makes one mask, read by its two ends', async () => {
    const readers = new Map<string, number>();
    let current: Map<string, number>;
    const watched: Primitives = {
      ...memoised(nodePrimitives),
      keystream(key) {
        const name = toHex(key);
        current.set(name, (current.get(name) ?? 0) + 1);
        return nodePrimitives.keystream(key);
      },
    };
    const enrolment = await enrol('streams', 8, roundParameters().groupId);
    let roundNumber = 1;
    for (const laneBits of [8, 16, 32] as const) {
      for (const lost of [0, 1]) {
        current = new Map();
        const round = await TestRound.create({
          seed: `streams/${roundNumber}`,
          clients: 8,
          enrolment,
          primitives: watched,
          parameters: { laneBits, roundNumber: roundNumber++ },
        });
        const { result } = await round.run({
          toClient: (to, message) => (lost === 1 && to === 2 && message.type === 'inbox' ? [] : [message]),
        });
        expect(result?.sum).toEqual(round.sumOf(result?.survivors ?? []));
        // 28 pairs and 8 own masks, each read twice: by the two ends of a pair, or by its owner and the coordinator. Of a client
        // lost before it masked, the coordinator reads the pairs in its place, and its own mask is read by nobody.
        expect([...current.values()].every((times) => times === 2)).toBe(true);
        expect(current.size).toBe(36 - lost);
        for (const name of current.keys()) {
          expect(readers.has(name)).toBe(false);
          readers.set(name, 1);
        }
      }
    }
  });
});

describe('a message that comes twice', () => {
  it('is answered byte for byte as before, by every client at every step', async () => {
    const round = await TestRound.create({ seed: 'twice', clients: 6 });
    const { result, rejected } = await round.run({ toClient: (_, message) => [message, message] });
    expect(result?.sum).toEqual(round.sumOf(round.clients.map(({ id }) => id)));
    expect(rejected).toEqual([]);
    for (const { sent } of round.clients) {
      const byType = new Map<string, Set<string>>();
      for (const { type, body } of sent)
        byType.set(type, (byType.get(type) ?? new Set<string>()).add(toHex(body)));
      expect([...byType.values()].every((bodies) => bodies.size === 1)).toBe(true);
      expect(sent.filter(({ type }) => type === 'masked')).toHaveLength(2);
    }
  });

  it('is taken once by the coordinator: a vector is in the sum once', async () => {
    const round = await TestRound.create({ seed: 'twice/up', clients: 6 });
    const { result } = await round.run({ toCoordinator: (_, message) => [message, message, message] });
    expect(result?.sum).toEqual(round.sumOf(round.clients.map(({ id }) => id)));
  });

  it('asks for no second vector', async () => {
    const round = await TestRound.create({ seed: 'twice/encode', clients: 6 });
    await round.run({ toClient: (_, message) => [message, message] });
    for (const { effects, machine, vector } of round.clients) {
      expect(effects.filter(({ kind }) => kind === 'encode')).toHaveLength(1);
      expect(await machine.provide(vector)).toEqual([]);
    }
  });
});

it('a client whose clock is past the last deadline leaves, and has forgotten its secrets', async () => {
  const round = await TestRound.create({ seed: 'clock', clients: 6 });
  const { machine } = round.client(0);
  await machine.receive(await round.coordinator.open(), NOW);
  const late = round.parameters.deadlines.unmask + 1;
  const effects = await machine.receive({ type: 'roster', body: new Uint8Array(4) }, late);
  expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.deadline' });
});
