import { describe, expect, it } from 'vitest';
import {
  cohortParameters,
  SecAggCoordinator,
  type BeaconSource,
  type RoundParameters,
} from '@tutti/shared/secagg';
import { NOW, roundParameters, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { expectLeft, rosterOf, towards } from './support/attacker.js';
import { decodeRoster, encodeRoster } from '../../../packages/shared/src/secagg/messages/advertise.js';

const VALUE = new Uint8Array(32).fill(77);
const ROUND = 1234;
const reference = {
  chain: new Uint8Array(32).fill(8),
  publicKey: new Uint8Array(48).fill(9),
  round: ROUND,
  lead: 3,
};

/** A beacon whose value 1234 comes out five seconds after the round. */
function beacon(changes: Partial<BeaconSource> = {}): BeaconSource {
  return {
    chain: reference.chain,
    publicKey: reference.publicKey,
    publishedAt: (round) => (round === ROUND ? NOW + 5000 : Number.NaN),
    value: (round) => (round === ROUND ? Promise.resolve(VALUE) : Promise.reject(new Error('another round'))),
    ...changes,
  };
}

const ring: Partial<RoundParameters> = {
  graphMode: 'ring-beacon',
  beacon: reference,
  deltaPpm: 100_000,
  grindBits: 0,
  dimension: 5,
};

const setup = (changes: Partial<RoundSetup> = {}): RoundSetup => ({
  seed: 'beacon',
  clients: 20,
  parameters: ring,
  beacon: beacon(),
  ...changes,
});

describe('a ring whose seed is a beacon’s', () => {
  it('is a ring', () => {
    expect(cohortParameters({ ...roundParameters(ring), n: 20 })).toMatchObject({
      graph: 'ring',
      degree: 10,
      threshold: 8,
    });
  });

  it('sums exactly with two clients lost, and nobody sends the seed', async () => {
    const round = await TestRound.create(setup());
    const { result, effects, aborted } = await round.run({
      losses: new Map([
        [2, 'masked'],
        [9, 'reveal'],
      ]),
    });
    const ids = round.clients.filter((_, index) => index !== 2).map(({ id }) => id);
    expect(aborted).toBeUndefined();
    expect(result?.sum).toEqual(round.sumOf(ids));
    expect(effects.some((effect) => effect.kind === 'send' && effect.message.type === 'seeds')).toBe(false);
  });

  it('is another graph with another value, so that parties that saw different ones do not meet', async () => {
    const round = await TestRound.create(setup());
    const other = await TestRound.create(
      setup({
        beacon: beacon({ value: () => Promise.resolve(new Uint8Array(32)) }),
        enrolment: round.enrolment,
      }),
    );
    await round.run();
    await other.run();
    const shares = (run: TestRound) => run.client(0).sent.find(({ type }) => type === 'shares')?.body;
    expect(shares(round)?.subarray(0, 32)).not.toEqual(shares(other)?.subarray(0, 32));
  });

  it('is not entered by a client to which the value was out before it saw the roster', async () => {
    for (const late of [0, 1]) {
      const round = await TestRound.create(setup({ beacon: beacon({ publishedAt: () => NOW + 5000 }) }));
      const { machine } = round.client(4);
      await machine.receive(await round.coordinator.open(), NOW);
      const others = await Promise.all(
        round.clients.map(async (client) => {
          const effects = await client.machine.receive(await round.coordinator.open(), NOW);
          return effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message.body] : []))[0];
        }),
      );
      const roster = await rosterOf(
        round,
        others.flatMap((body) => (body ? [body] : [])),
      );
      const effects = await machine.receive(roster, NOW + 5000 + late);
      expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.beacon' });
    }
  });

  it.each([
    ['after shares are due: nobody waits so long', Number.MAX_SAFE_INTEGER],
    ['nobody knows when', Number.NaN],
  ])('is not entered by a client where the value comes out %s', async (_, published) => {
    const waiting = beacon({
      publishedAt: () => published,
      value: () => new Promise<never>(() => undefined),
    });
    const round = await TestRound.create(setup());
    const own = await TestRound.create(setup({ enrolment: round.enrolment, beacon: waiting }));
    const { machine } = own.client(4);
    await machine.receive(await round.coordinator.open(), NOW);
    await round.run();
    const adverts = round.clients.map(({ sent }) => sent[0]?.body ?? new Uint8Array(0));
    const effects = await machine.receive(await rosterOf(round, adverts), NOW);
    expect(effects.at(-1)).toEqual({ kind: 'aborted', code: 'secagg.beacon' });
    const coordinator = await TestRound.create(setup({ beacon: beacon({ publishedAt: () => Number.NaN }) }));
    expect((await coordinator.run()).aborted).toMatchObject({ phase: 'advertise', code: 'secagg.beacon' });
  });

  it.each([
    ['cannot be had', () => Promise.reject(new Error('no network'))],
    ['does not verify', () => Promise.reject(new Error('signature'))],
  ])('is left where the value %s', async (_, value) => {
    const round = await TestRound.create(setup({ beacon: beacon({ value }) }));
    const { aborted } = await round.run();
    expect(aborted).toMatchObject({ phase: 'reveal-seed', code: 'secagg.beacon' });
    for (const client of round.clients) await expectLeft(client, 'secagg.beacon', 'shares');
  });

  it.each([
    ['chain', { chain: new Uint8Array(32) }],
    ['key', { publicKey: new Uint8Array(48) }],
  ])('is refused by clients that rely on another %s', async (_, changes) => {
    const round = await TestRound.create(setup({ beacon: beacon(changes) }));
    await round.run();
    for (const { effects } of round.clients) {
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.beacon' }]);
    }
  });

  it('is given up by a coordinator whose roster comes too late', async () => {
    const round = await TestRound.create(setup({ beacon: beacon({ publishedAt: () => NOW + 2999 }) }));
    expect((await round.run()).aborted).toMatchObject({ phase: 'advertise', code: 'secagg.beacon' });
  });

  it('is not opened by a coordinator that knows no beacon', async () => {
    const round = await TestRound.create(setup());
    const { primitives, signingKey, authority, parameters } = round.options;
    expect(() => new SecAggCoordinator({ primitives, signingKey, authority, parameters })).toThrow(
      expect.objectContaining({ code: 'secagg.parameters' }) as Error,
    );
  });
});

describe('a ring whose seed is the coordinator’s', () => {
  const semiHonest: Partial<RoundParameters> = {
    graphMode: 'ring-server',
    profile: 'S',
    deltaPpm: 100_000,
    grindBits: 0,
    dimension: 5,
  };

  it('sums exactly for clients that trust the coordinator to follow the protocol', async () => {
    const round = await TestRound.create({
      seed: 'semi',
      clients: 20,
      parameters: semiHonest,
      policy: { profiles: ['S', 'M'] },
    });
    const { result } = await round.run({ losses: new Map([[3, 'masked']]) });
    const ids = round.clients.filter((_, index) => index !== 3).map(({ id }) => id);
    expect(result?.sum).toEqual(round.sumOf(ids));
  });

  it('is refused by clients that do not', async () => {
    const round = await TestRound.create({ seed: 'semi', clients: 20, parameters: semiHonest });
    await round.run();
    for (const { effects } of round.clients) {
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.profile' }]);
    }
  });

  it('is refused under profile M even by clients that allow both', async () => {
    const round = await TestRound.create({
      seed: 'semi',
      clients: 20,
      parameters: { ...semiHonest, profile: 'M' },
      policy: { profiles: ['S', 'M'] },
    });
    await round.run();
    for (const { effects } of round.clients) {
      expect(effects).toEqual([{ kind: 'aborted', code: 'secagg.policy.graphMode' }]);
    }
  });

  it('is left where there is no seed with the roster', async () => {
    const round = await TestRound.create({
      seed: 'semi',
      clients: 20,
      parameters: semiHonest,
      policy: { profiles: ['S'] },
    });
    await round.run({
      toClient: towards(5, 'roster', (body) =>
        rosterOf(
          round,
          decodeRoster(body).adverts.map((advert) => advert.body),
        ),
      ),
    });
    await expectLeft(round.client(5), 'secagg.seed', 'shares');
  });
});

it('a seed of the coordinator’s is not taken where it has none to choose', async () => {
  const round = await TestRound.create({ seed: 'uninvited', clients: 7 });
  await round.run({
    toClient: towards(5, 'roster', (body) => {
      const { adverts, signature } = decodeRoster(body);
      return encodeRoster(
        adverts.map((advert) => advert.body),
        new Uint8Array(32),
        signature,
      );
    }),
  });
  await expectLeft(round.client(5), 'secagg.seed', 'shares');
});
