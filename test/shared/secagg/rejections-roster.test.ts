import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  createIdentity,
  decodeCertificate,
  encodeCertificate,
  type CertificateClaims,
  issueCertificate,
  issueRevocationList,
} from '@tutti/shared/crypto';
import type { Message } from '@tutti/shared/secagg';
import { signLabelled } from '../../../packages/shared/src/secagg/labels.js';
import {
  decodeRoster,
  decodeSeeds,
  encodeRoster,
  encodeSeeds,
  type Advert,
} from '../../../packages/shared/src/secagg/messages/advertise.js';
import { NOW, TestRound, type RoundSetup } from '../../support/secagg-harness.js';
import { seededRandom } from '../../support/seeded-random.js';
import {
  advertsOf,
  advertWith,
  contextOf,
  expectLeft,
  flip,
  malleate,
  rosterOf,
  towards,
} from './support/attacker.js';

const VICTIM = 2;
const CORRUPT = 4;
const setup: RoundSetup = { seed: 'roster', clients: 7 };

/** Points of small order on Curve25519 or its twist, and encodings that are not canonical. */
const BAD_POINTS: Record<string, string> = {
  zero: '00'.repeat(32),
  one: `01${'00'.repeat(31)}`,
  'of order 8': 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  'of order 8 too': '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'of order 4': `ec${'ff'.repeat(30)}7f`,
  'not canonical: p': `ed${'ff'.repeat(30)}7f`,
  'not canonical: p + 9': `f6${'ff'.repeat(30)}7f`,
};
const point = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Shows the victim a roster made from the true adverts, and everybody else the true one. */
async function showRoster(
  change: (
    adverts: readonly Advert[],
    round: TestRound,
  ) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  changes: Partial<RoundSetup> = {},
) {
  const round = await TestRound.create({ ...setup, ...changes });
  const outcome = await round.run({
    toClient: towards(VICTIM, 'roster', async () => rosterOf(round, await change(advertsOf(round), round))),
  });
  return { round, outcome, victim: round.client(VICTIM) };
}

/** Shows the victim a roster on which the corrupt client's advert is another. */
function showAdvert(
  change: (advert: Advert, round: TestRound) => Uint8Array | Promise<Uint8Array>,
  changes: Partial<RoundSetup> = {},
) {
  return showRoster(async (adverts, round) => {
    const changed = await change(adverts[CORRUPT] as Advert, round);
    return bodies(adverts).map((body, index) => (index === CORRUPT ? changed : body));
  }, changes);
}

const bodies = (adverts: readonly Advert[]) => adverts.map(({ body }) => body);

const BAD_CLAIMS: [string, Partial<CertificateClaims>, string][] = [
  ['has expired', { notAfter: NOW - 1 }, 'certificate.expired'],
  ['is not valid yet', { notBefore: NOW + 1 }, 'certificate.not-yet-valid'],
  ['is of another group', { groupId: new Uint8Array(32) }, 'certificate.group'],
  ['is of another identity', { identity: new Uint8Array(32).fill(7) }, 'secagg.certificate'],
];

describe('a client that is shown a roster', () => {
  it('leaves where it is not on it itself', async () => {
    const { victim } = await showRoster((adverts) => bodies(adverts).filter((_, index) => index !== VICTIM));
    await expectLeft(victim, 'secagg.roster-without-me', 'shares');
  });

  it('leaves where it is on it twice', async () => {
    const { victim } = await showRoster((adverts) =>
      bodies(adverts).flatMap((body, index) => (index === VICTIM ? [body, body] : [body])),
    );
    await expectLeft(victim, 'secagg.roster', 'shares');
  });

  it.each([-1, 70, 110, 140])('leaves where its own advert has another bit at byte %i', async (at) => {
    const { victim } = await showRoster((adverts) =>
      bodies(adverts).map((body, index) => (index === VICTIM ? flip(body, at) : body)),
    );
    await expectLeft(victim, 'secagg.roster-without-me', 'shares');
  });

  it('leaves where its own advert holds keys of the coordinator’s', async () => {
    const { victim } = await showRoster(async (adverts, round) => {
      const own = adverts[VICTIM] as Advert;
      const { publicKey } = await primitives.agreementKeyPair(seededRandom('middle'));
      const changed = await advertWith(
        round.client(VICTIM),
        own,
        { maskingKey: publicKey },
        round.enrolment.coordinator,
      );
      return bodies(adverts).map((body, index) => (index === VICTIM ? changed : body));
    });
    await expectLeft(victim, 'secagg.roster-without-me', 'shares');
  });

  it('leaves where identities are out of order', async () => {
    const { victim } = await showRoster((adverts) => bodies(adverts).reverse());
    await expectLeft(victim, 'secagg.roster', 'shares');
  });

  it('leaves where another is on it twice', async () => {
    const { victim } = await showRoster((adverts) => {
      const all = bodies(adverts);
      return [...all, all[6] ?? new Uint8Array(0)];
    });
    await expectLeft(victim, 'secagg.roster', 'shares');
  });

  it('leaves where two adverts hold the same key', async () => {
    const { victim } = await showRoster(async (adverts, round) => {
      const copied = { maskingKey: (adverts[0] as Advert).maskingKey };
      const changed = await advertWith(round.client(CORRUPT), adverts[CORRUPT] as Advert, copied);
      return bodies(adverts).map((body, index) => (index === CORRUPT ? changed : body));
    });
    await expectLeft(victim, 'secagg.roster', 'shares');
  });

  it('leaves where it is smaller than the round allows', async () => {
    const { victim } = await showRoster((adverts) => bodies(adverts).slice(0, 6), {
      parameters: { minimumRoster: 7 },
    });
    await expectLeft(victim, 'secagg.roster-size', 'shares');
  });

  it('leaves where the coordinator adds a seed of its own', async () => {
    const round = await TestRound.create(setup);
    await round.run({
      toClient: towards(VICTIM, 'roster', async (body) => {
        const { adverts } = decodeRoster(body);
        const seed = new Uint8Array(32);
        const { parametersHash, roster } = await contextOf(round);
        const { secretKey } = round.enrolment.coordinator;
        const signature = await signLabelled(
          primitives,
          secretKey,
          'roster',
          parametersHash,
          roster.hash,
          seed,
        );
        return encodeRoster(bodies(adverts), seed, signature);
      }),
    });
    await expectLeft(round.client(VICTIM), 'secagg.seed', 'shares');
  });

  it('leaves where no threshold is secure for a roster of that size', async () => {
    const { victim } = await showRoster((adverts) => bodies(adverts).slice(0, 4), {
      parameters: { minimumRoster: 4 },
    });
    await expectLeft(victim, 'secagg.infeasible', 'shares');
  });

  it('leaves where the coordinator’s signature has one bit wrong, or is S + L', async () => {
    for (const change of [
      (body: Uint8Array) => flip(body, -64),
      (body: Uint8Array) => Uint8Array.from([...body.subarray(0, -64), ...malleate(body.subarray(-64))]),
    ]) {
      const round = await TestRound.create(setup);
      await round.run({ toClient: towards(VICTIM, 'roster', change) });
      await expectLeft(round.client(VICTIM), 'secagg.signature', 'shares');
    }
  });

  it('leaves where a neighbour’s advert is signed with another key', async () => {
    const { victim } = await showAdvert((advert, round) =>
      advertWith(
        round.client(CORRUPT),
        advert,
        { maskingKey: point(`09${'00'.repeat(31)}`) },
        round.client(0).identity,
      ),
    );
    await expectLeft(victim, 'secagg.signature', 'shares');
  });

  it('leaves where a neighbour’s signature is S + L', async () => {
    const { victim } = await showAdvert((advert) =>
      Uint8Array.from([...advert.body.subarray(0, -64), ...malleate(advert.signature)]),
    );
    await expectLeft(victim, 'secagg.signature', 'shares');
  });

  it.each(BAD_CLAIMS)('leaves where a neighbour’s certificate %s', async (_, claims, code) => {
    const { victim } = await showAdvert(async (advert, round) => {
      const issued = await issueCertificate(primitives, round.enrolment.authority.secretKey, {
        ...decodeCertificate(advert.certificate),
        ...claims,
      });
      return advertWith(round.client(CORRUPT), advert, { certificate: encodeCertificate(issued) });
    });
    await expectLeft(victim, code, 'shares');
  });

  it('leaves where a neighbour was enrolled by another than the authority', async () => {
    const { victim } = await showAdvert(async (advert, round) => {
      const invented = await createIdentity(primitives, seededRandom('invented'));
      const issued = await issueCertificate(
        primitives,
        invented.secretKey,
        decodeCertificate(advert.certificate),
      );
      return advertWith(round.client(CORRUPT), advert, { certificate: encodeCertificate(issued) });
    });
    await expectLeft(victim, 'certificate.signature', 'shares');
  });

  it('leaves where a neighbour’s certificate has been revoked', async () => {
    const round = await TestRound.create(setup);
    const serial = decodeCertificate(
      round.enrolment.clients[CORRUPT]?.certificate ?? new Uint8Array(0),
    ).serial;
    const revocations = await issueRevocationList(primitives, round.enrolment.authority.secretKey, {
      groupId: round.parameters.groupId,
      version: 1,
      serials: [serial],
    });
    const knowing = await TestRound.create({ ...setup, enrolment: round.enrolment, revocations });
    const { machine, effects } = knowing.client(VICTIM);
    effects.push(...(await machine.receive(await round.coordinator.open(), NOW)));
    const sent = await Promise.all(
      round.clients.map(async (client, index) => {
        const [, advert] =
          index === VICTIM ? effects : await client.machine.receive(await round.coordinator.open(), NOW);
        return advert?.kind === 'send' ? advert.message.body : new Uint8Array(0);
      }),
    );
    const left = await machine.receive(await rosterOf(round, sent), NOW);
    expect(left.at(-1)).toEqual({ kind: 'aborted', code: 'certificate.revoked' });
  });

  it.each(Object.entries(BAD_POINTS))('leaves where a neighbour’s key is %s', async (_, hex) => {
    for (const key of ['sealingKey', 'maskingKey'] as const) {
      const { victim } = await showAdvert((advert, round) =>
        advertWith(round.client(CORRUPT), advert, { [key]: point(hex) }),
      );
      await expectLeft(victim, 'crypto.low-order-point', 'shares');
    }
  });

  it('brings no round about where it was shown another: nothing cancels, nobody signs', async () => {
    const { round, outcome } = await showAdvert(
      async (advert, shown) => {
        const { publicKey } = await primitives.agreementKeyPair(seededRandom('other key'));
        return advertWith(shown.client(CORRUPT), advert, { maskingKey: publicKey });
      },
      { seed: 'equivocation' },
    );
    expect(outcome.rejected).toContainEqual(
      expect.objectContaining({ from: round.client(VICTIM).id, code: 'secagg.context' }),
    );
    expect(outcome.result?.survivors ?? []).not.toContain(round.client(VICTIM).id);
  });

  it('in two halves that were shown different ones cannot be summed', async () => {
    const round = await TestRound.create({ seed: 'halves', clients: 12 });
    const { publicKey } = await primitives.agreementKeyPair(seededRandom('other key'));
    const outcome = await round.run({
      toClient: async (to, message): Promise<readonly Message[]> => {
        if (message.type !== 'roster' || to % 2 === 0) return [message];
        const adverts = advertsOf(round);
        const other = await advertWith(round.client(0), adverts[0] as Advert, { maskingKey: publicKey });
        return [await rosterOf(round, [other, ...bodies(adverts).slice(1)])];
      },
    });
    expect(outcome.aborted).toMatchObject({ phase: 'share', code: 'secagg.too-few-sharers' });
    for (const client of round.clients) expect(client.sent.map(({ type }) => type)).not.toContain('masked');
  });
});

describe('a coordinator that is sent an advert', () => {
  /** The corrupt client advertises otherwise. */
  async function advertise(
    change: (body: Uint8Array, round: TestRound) => Uint8Array | Promise<Uint8Array>,
    changes: Partial<RoundSetup> = {},
  ) {
    const round = await TestRound.create({ ...setup, ...changes });
    const outcome = await round.run({
      toCoordinator: async (from, message) => {
        if (from !== CORRUPT || message.type !== 'advert') return [message];
        return [{ type: 'advert', body: await change(message.body, round) }];
      },
    });
    return { round, outcome };
  }

  async function expectRejected(
    change: (advert: Advert, round: TestRound) => Uint8Array | Promise<Uint8Array>,
    code: string,
  ): Promise<void> {
    const { round, outcome } = await advertise((_, running) =>
      change(advertsOf(running)[CORRUPT] as Advert, running),
    );
    expect(outcome.rejected[0]).toEqual({ kind: 'rejected', from: round.client(CORRUPT).id, code });
    const others = round.clients.filter((_, index) => index !== CORRUPT).map(({ id }) => id);
    expect(outcome.result?.survivors).toEqual(others);
    expect(outcome.result?.sum).toEqual(round.sumOf(others));
  }

  it('refuses one of another identity than the session’s', async () => {
    await expectRejected((_, round) => (advertsOf(round)[0] as Advert).body, 'secagg.identity');
  });

  it('refuses one for another round', async () => {
    await expectRejected(
      (advert, round) => advertWith(round.client(CORRUPT), advert, { parametersHash: new Uint8Array(32) }),
      'secagg.parameters',
    );
  });

  it.each(Object.entries(BAD_POINTS))('refuses a key that is %s', async (_, hex) => {
    for (const key of ['sealingKey', 'maskingKey'] as const)
      await expectRejected(
        (advert, round) => advertWith(round.client(CORRUPT), advert, { [key]: point(hex) }),
        'crypto.low-order-point',
      );
  });

  it('refuses a key of another’s', async () => {
    await expectRejected(
      (advert, round) =>
        advertWith(round.client(CORRUPT), advert, { maskingKey: (advertsOf(round)[0] as Advert).sealingKey }),
      'secagg.key-reuse',
    );
  });

  it('refuses one key for both purposes', async () => {
    await expectRejected(
      (advert, round) => advertWith(round.client(CORRUPT), advert, { maskingKey: advert.sealingKey }),
      'secagg.key-reuse',
    );
  });

  it('refuses a signature of another’s, or S + L', async () => {
    await expectRejected(
      (advert, round) => advertWith(round.client(CORRUPT), advert, {}, round.client(0).identity),
      'secagg.signature',
    );
    await expectRejected(
      (advert) => Uint8Array.from([...advert.body.subarray(0, -64), ...malleate(advert.signature)]),
      'secagg.signature',
    );
  });

  it('refuses a certificate of another’s', async () => {
    await expectRejected(
      (advert, round) =>
        advertWith(round.client(CORRUPT), advert, {
          certificate: (advertsOf(round)[0] as Advert).certificate,
        }),
      'secagg.certificate',
    );
  });

  it.each(BAD_CLAIMS)('refuses one whose certificate %s', async (_, claims, code) => {
    await expectRejected(async (advert, round) => {
      const issued = await issueCertificate(primitives, round.enrolment.authority.secretKey, {
        ...decodeCertificate(advert.certificate),
        ...claims,
      });
      return advertWith(round.client(CORRUPT), advert, { certificate: encodeCertificate(issued) });
    }, code);
  });

  it('refuses one whose certificate has been revoked', async () => {
    const { enrolment, parameters } = await TestRound.create(setup);
    const { serial } = decodeCertificate(enrolment.clients[CORRUPT]?.certificate ?? new Uint8Array(0));
    const revocations = await issueRevocationList(primitives, enrolment.authority.secretKey, {
      groupId: parameters.groupId,
      version: 1,
      serials: [serial],
    });
    const { round, outcome } = await advertise((body) => body, { enrolment, revocations });
    expect(outcome.rejected).toEqual([
      { kind: 'rejected', from: round.client(CORRUPT).id, code: 'certificate.revoked' },
    ]);
    expect(outcome.result?.survivors).not.toContain(round.client(CORRUPT).id);
  });

  it('takes the first of two that differ', async () => {
    const round = await TestRound.create(setup);
    const { publicKey } = await primitives.agreementKeyPair(seededRandom('second'));
    const outcome = await round.run({
      toCoordinator: async (from, message) => {
        if (from !== CORRUPT || message.type !== 'advert') return [message];
        const advert = advertsOf(round)[CORRUPT] as Advert;
        const body = await advertWith(round.client(CORRUPT), advert, { maskingKey: publicKey });
        return [message, { type: 'advert', body }];
      },
    });
    expect(outcome.rejected).toEqual([
      { kind: 'rejected', from: round.client(CORRUPT).id, code: 'secagg.contradiction' },
    ]);
    expect(outcome.result?.survivors).toHaveLength(7);
  });

  it('refuses whatever a client sends that is not on the roster', async () => {
    const round = await TestRound.create(setup);
    const outcome = await round.run({ losses: new Map([[CORRUPT, 'masked']]) });
    for (const type of ['shares', 'masked', 'consistency', 'reveal', 'abort'] as const) {
      const effects = await round.coordinator.receive(
        '00'.repeat(32),
        { type, body: new Uint8Array(9) },
        NOW,
      );
      expect(effects).toEqual([expect.objectContaining({ kind: 'rejected' })]);
    }
    expect(outcome.result).toBeDefined();
  });
});

describe('a client that is shown the seeds of the graph', () => {
  const ring: RoundSetup = {
    seed: 'seeds',
    clients: 12,
    parameters: { graphMode: 'ring-reveal', deltaPpm: 100_000 },
  };

  async function showSeeds(
    change: (seeds: ReturnType<typeof decodeSeeds>) => ReturnType<typeof decodeSeeds>,
  ) {
    const round = await TestRound.create(ring);
    await round.run({
      toClient: towards(VICTIM, 'seeds', (body) => encodeSeeds(change(decodeSeeds(body)))),
    });
    return round.client(VICTIM);
  }

  it('goes on where they are what was committed to', async () => {
    expect((await showSeeds((seeds) => seeds)).machine.phase).toBe('finished');
  });

  it('leaves where its own is left out', async () => {
    const victim = await showSeeds((seeds) => seeds.filter(({ index }) => index !== VICTIM));
    await expectLeft(victim, 'secagg.seed', 'shares');
  });

  it('leaves where one is not the one committed to', async () => {
    const victim = await showSeeds((seeds) =>
      seeds.map(({ index, seed }) => ({ index, seed: index === CORRUPT ? flip(seed, 0) : seed })),
    );
    await expectLeft(victim, 'secagg.seed', 'shares');
  });

  it('leaves where there are fewer than a quorum', async () => {
    const victim = await showSeeds((seeds) => seeds.slice(0, 6));
    await expectLeft(victim, 'secagg.seed', 'shares');
  });

  it('leaves where one is of a client that is not on the roster', async () => {
    const victim = await showSeeds((seeds) => [...seeds, { index: 12, seed: new Uint8Array(32) }]);
    await expectLeft(victim, 'secagg.seed', 'shares');
  });

  it('does not share where it never learns them', async () => {
    const round = await TestRound.create(ring);
    await round.run({
      toClient: (to, message) => (to === VICTIM && message.type === 'seeds' ? [] : [message]),
    });
    expect(round.client(VICTIM).sent.map(({ type }) => type)).not.toContain('shares');
  });

  it('is refused by the coordinator where it opens another seed than it committed to', async () => {
    const round = await TestRound.create(ring);
    const outcome = await round.run({
      toCoordinator: (from, message) =>
        from === CORRUPT && message.type === 'seed-reveal'
          ? [{ type: 'seed-reveal', body: flip(message.body, 0) }]
          : [message],
    });
    expect(outcome.rejected[0]).toMatchObject({ from: round.client(CORRUPT).id, code: 'secagg.seed' });
    expect(outcome.result?.sharers).not.toContain(round.client(CORRUPT).id);
  });
});
