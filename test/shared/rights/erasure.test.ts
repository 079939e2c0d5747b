import { beforeAll, describe, expect, it } from 'vitest';
import { createIdentity, toHex, type KeyPair } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  after,
  ERASURE_LOG,
  erasureRequests,
  nextLink,
  nextNumber,
  signErasureCertificate,
  verifyErasureCertificate,
  verifyLog,
  type ErasureCertificate,
  type ErasureEvent,
  type Link,
  type Outcome,
} from '@tutti/shared/rights';
import { seededRandom } from '../../support/seeded-random.js';

const client = 'ab'.repeat(32);
const model = 'cd'.repeat(32);
const time = '2026-01-31T12:00:00.000Z';
const outcome: Outcome = {
  remedy: 'exact',
  guarantee: 'none of its inputs is in the model',
  modelBefore: model,
  modelAfter: client,
  epsilonBefore: 3,
  epsilonAfter: 4,
  delta: 1e-4,
  kept: 2,
  replayed: 4,
  superseded: [model],
};
const events = {
  received: { kind: 'received', request: 'E-1', client },
  excluded: { kind: 'excluded', request: 'E-1', rounds: 6 },
  remedied: { kind: 'remedied', request: 'E-1', outcome },
  verified: { kind: 'verified', request: 'E-1', checks: [{ what: 'a', holds: true, found: 'b' }] },
  closed: { kind: 'closed', request: 'E-1', deleted: 1, certificate: model },
} as const satisfies Record<string, ErasureEvent>;

function logOf(...entries: ErasureEvent[]): Link<ErasureEvent>[] {
  return entries.reduce<Link<ErasureEvent>[]>(
    (links, entry) => [...links, nextLink(primitives, ERASURE_LOG, links.at(-1), { time, entry })],
    [],
  );
}

describe('a request for erasure', () => {
  it('goes from received through excluded, remedied and verified to closed', () => {
    const requests = erasureRequests(logOf(...Object.values(events)));
    expect(requests.get('E-1')).toMatchObject({ state: 'closed', client, outcome, certificate: model });
    expect(nextNumber(requests)).toBe('E-2');
  });

  it('is due one month after it was received, at the end of a shorter month', () => {
    expect(after(undefined, events.received, time).due).toBe('2026-02-28T12:00:00.000Z');
    expect(after(undefined, events.received, '2025-12-31T00:00:00.000Z').due).toBe(
      '2026-01-31T00:00:00.000Z',
    );
  });

  it.each([
    ['excluded before it is received', ['excluded']],
    ['remedied before it is excluded', ['received', 'remedied']],
    ['verified before it is remedied', ['received', 'excluded', 'verified']],
    ['closed before it is verified', ['received', 'excluded', 'remedied', 'closed']],
    ['received twice', ['received', 'received']],
    ['changed after it was closed', ['received', 'excluded', 'remedied', 'verified', 'closed', 'remedied']],
  ] as const)('is refused where it would be %s', (_what, kinds) => {
    expect(() => erasureRequests(logOf(...kinds.map((kind) => events[kind])))).toThrow(
      expect.objectContaining({ code: 'erasure.wrong-state' }) as Error,
    );
  });

  it('is not verified with a check that failed, and may be remedied another way', () => {
    const failed: ErasureEvent = {
      ...events.verified,
      checks: [{ what: 'the chain holds', holds: false, found: 'broken' }],
    };
    const before = [events.received, events.excluded, events.remedied];
    expect(() => erasureRequests(logOf(...before, failed))).toThrow(/not verified: the chain holds/);
    expect(erasureRequests(logOf(...before, events.remedied)).get('E-1')?.state).toBe('remedied');
  });

  it('remembers a remedy that has begun until it is done', () => {
    const { remedy, modelBefore, epsilonBefore, kept, replayed, superseded } = outcome;
    const begun: ErasureEvent = {
      kind: 'begun',
      request: 'E-1',
      remedy,
      modelBefore,
      epsilonBefore,
      kept,
      replayed,
      superseded,
      checkpoint: model,
      ledgerEntries: 7,
      epsilonBudget: 9,
    };
    const known = erasureRequests(logOf(events.received, events.excluded, begun)).get('E-1');
    expect(known).toMatchObject({ state: 'excluded', begun: { kept: 2 } });
    expect(after(known, events.remedied, time)).not.toHaveProperty('begun');
  });
});

describe('its log', () => {
  it('holds as it was written, and not as anything else', () => {
    const links = logOf(...Object.values(events));
    expect(verifyLog(primitives, ERASURE_LOG, links)).toMatchObject({ ok: true });
    const other = { ...ERASURE_LOG, label: 'another log' };
    expect(verifyLog(primitives, other, links)).toMatchObject({ ok: false, sequence: 0 });
    expect(verifyLog(primitives, ERASURE_LOG, links.slice(1))).toMatchObject({ ok: false, sequence: 0 });
    const changed = links.with(1, { ...links[1]!, time: '2020-01-01T00:00:00.000Z' });
    expect(verifyLog(primitives, ERASURE_LOG, changed)).toMatchObject({ ok: false, sequence: 1 });
  });
});

describe('an erasure certificate', () => {
  let coordinator: KeyPair;
  let other: KeyPair;
  let certificate: ErasureCertificate;

  beforeAll(async () => {
    coordinator = await createIdentity(primitives, seededRandom('coordinator'));
    other = await createIdentity(primitives, seededRandom('other'));
    certificate = await signErasureCertificate(primitives, coordinator, {
      request: 'E-1',
      job: model,
      client,
      received: time,
      issued: time,
      outcome,
      checks: [...events.verified.checks],
      ledger: { head: model, entries: 9 },
      limits: ['Copies elsewhere are not reached.'],
      seeded: false,
    });
  });

  it('verifies under the key that signed it, after a way through JSON', async () => {
    const read: unknown = JSON.parse(JSON.stringify(certificate));
    expect(await verifyErasureCertificate(primitives, read, toHex(coordinator.publicKey))).toEqual({
      ok: true,
      certificate,
    });
  });

  it.each([
    ['another model', (body: ErasureCertificate['body']) => ({ ...body, job: client })],
    [
      'a smaller ε',
      (body: ErasureCertificate['body']) => ({ ...body, outcome: { ...body.outcome, epsilonAfter: 1 } }),
    ],
    ['fewer limits', (body: ErasureCertificate['body']) => ({ ...body, limits: [] })],
  ])('does not verify with %s', async (_what, change) => {
    const forged = { ...certificate, body: change(certificate.body) };
    expect(await verifyErasureCertificate(primitives, forged)).toEqual({
      ok: false,
      reason: 'changed after it was signed',
    });
  });

  it('does not verify under another coordinator’s key, nor as something else', async () => {
    expect(await verifyErasureCertificate(primitives, certificate, toHex(other.publicKey))).toMatchObject({
      ok: false,
    });
    const stolen = { ...certificate, coordinator: toHex(other.publicKey) };
    expect(await verifyErasureCertificate(primitives, stolen)).toMatchObject({ ok: false });
    expect(await verifyErasureCertificate(primitives, { body: {} })).toMatchObject({ ok: false });
    expect(await verifyErasureCertificate(primitives, null)).toMatchObject({ ok: false });
  });
});
