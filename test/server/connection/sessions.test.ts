import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Registry, Sessions } from '@tutti/server';
import {
  createIdentity,
  encodeCertificate,
  fromHex,
  issueCertificate,
  toHex,
  type KeyPair,
} from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  frame,
  helloMessage,
  type ChannelHandler,
  type Frame,
  type ToCoordinator,
  type Upload,
  PROTOCOL_VERSION,
} from '@tutti/shared/protocol';
import { seededRandom } from '../../support/seeded-random.js';

const random = seededRandom('sessions');
const groupId = new Uint8Array(32).fill(7);
const NOW = 1000;
const JOB = '0'.repeat(64);
let authority: KeyPair;
let coordinator: KeyPair;
let client: KeyPair;
let sessions: Sessions;
let registry: Registry;
let refusals: string[];
let received: ToCoordinator[];
let left: string[];

beforeEach(async () => {
  authority = await createIdentity(primitives, random);
  coordinator = await createIdentity(primitives, random);
  client = await createIdentity(primitives, random);
  registry = new Registry({ primitives, authority: authority.publicKey, groupId, now: () => NOW });
  refusals = [];
  received = [];
  left = [];
  sessions = new Sessions({
    primitives,
    random,
    coordinator: coordinator.publicKey,
    admit: registry.admit,
    largestBody: 1000,
    refused: (code) => refusals.push(code),
  });
  sessions.observe(JOB, {
    received: (_client, header) => received.push(header),
    left: (gone) => left.push(gone),
  });
});

/** A connection as its client sees it, with what there is of a body that comes over it. */
function connect(upload?: Upload) {
  const sent: Frame[] = [];
  let closed = false;
  let begun = upload;
  const handler: ChannelHandler = sessions.accept({
    send: (message) => sent.push(message),
    interrupt: () => {
      const taken = begun;
      begun = undefined;
      return taken;
    },
    close: () => {
      closed = true;
      handler.closed();
    },
  });
  const challenge = sent[0]!.header as { nonce: string };
  return { sent, handler, nonce: fromHex(challenge.nonce), isClosed: () => closed };
}

async function certificate(
  holder: KeyPair,
  overrides: { signer?: KeyPair; groupId?: Uint8Array; notBefore?: number; notAfter?: number } = {},
) {
  const claims = {
    identity: holder.publicKey,
    groupId: overrides.groupId ?? groupId,
    notBefore: overrides.notBefore ?? 0,
    notAfter: overrides.notAfter ?? 2 * NOW,
    serial: 1,
  };
  return encodeCertificate(
    await issueCertificate(primitives, (overrides.signer ?? authority).secretKey, claims),
  );
}

async function hello(
  nonce: Uint8Array,
  options: { signer?: KeyPair; certificate?: Uint8Array } = {},
): Promise<Frame> {
  const message = helloMessage(nonce, coordinator.publicKey, client.publicKey);
  const signature = await primitives.sign((options.signer ?? client).secretKey, message);
  return frame({
    type: 'hello',
    version: PROTOCOL_VERSION,
    identity: toHex(client.publicKey),
    certificate: toHex(options.certificate ?? (await certificate(client))),
    signature: toHex(signature),
  });
}

/** Lets the handshake's promises run until it has answered. */
async function settled(sent: Frame[], count: number): Promise<void> {
  for (let turn = 0; turn < 1000 && sent.length < count; turn++)
    await new Promise((resolve) => setImmediate(resolve));
}

const decline: Frame = frame({ type: 'decline', job: JOB, round: 1, attempt: 0, code: 'test' });
const last = (sent: Frame[]) => sent.at(-1)!.header as { type: string; code?: string };

describe('a session', () => {
  it('opens for a certified identity that signs the challenge', async () => {
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    expect(last(sent)).toEqual({ type: 'welcome' });
    expect(registry.population).toEqual([toHex(client.publicKey)]);
    handler.receive(decline);
    expect(received).toHaveLength(1);
    handler.closed();
    expect(left).toEqual([toHex(client.publicKey)]);
  });

  it('is refused to a hello that was overheard in another session', async () => {
    const overheard = await hello(connect().nonce);
    const { sent, handler, isClosed } = connect();
    handler.receive(overheard);
    await settled(sent, 2);
    expect(last(sent)).toMatchObject({ type: 'refused', code: 'session.bad-signature' });
    expect(isClosed()).toBe(true);
  });

  it('is refused to whoever does not hold the identity’s key', async () => {
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce, { signer: coordinator }));
    await settled(sent, 2);
    expect(last(sent)).toMatchObject({ code: 'session.bad-signature' });
  });

  it.each([
    [
      'of another authority',
      'certificate.signature',
      async () => certificate(client, { signer: coordinator }),
    ],
    [
      'of another group',
      'certificate.group',
      async () => certificate(client, { groupId: new Uint8Array(32) }),
    ],
    [
      'of a clock that is ahead',
      'certificate.not-yet-valid',
      async () => certificate(client, { notBefore: NOW + 1 }),
    ],
    ['that has expired', 'certificate.expired', async () => certificate(client, { notAfter: NOW - 1 })],
    ['of another identity', 'certificate.other-identity', async () => certificate(coordinator)],
    ['that is none', 'wire.truncated', () => Promise.resolve(new Uint8Array(3))],
  ])('is refused to a certificate %s', async (_what, code, make) => {
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce, { certificate: await make() }));
    await settled(sent, 2);
    expect(last(sent)).toMatchObject({ type: 'refused', code });
    expect(registry.population).toEqual([]);
  });

  it('takes nothing before the challenge is answered', () => {
    const { sent, handler, isClosed } = connect();
    handler.receive(decline);
    expect(last(sent)).toMatchObject({ code: 'session.out-of-turn' });
    expect(isClosed()).toBe(true);
    expect(received).toEqual([]);
  });

  it('is closed by a newer one of the same identity, which stays', async () => {
    const first = connect();
    first.handler.receive(await hello(first.nonce));
    await settled(first.sent, 2);
    const second = connect();
    second.handler.receive(await hello(second.nonce));
    await settled(second.sent, 2);
    expect(first.isClosed()).toBe(true);
    expect(sessions.isConnected(toHex(client.publicKey))).toBe(true);
    expect(left).toEqual([]);
  });

  it.each([
    ['no object', 7],
    ['an unknown type', { type: 'eval' }],
    [
      'a further property',
      { type: 'decline', job: '0'.repeat(64), round: 1, attempt: 0, code: 'x', admin: true },
    ],
    ['a prototype', JSON.parse('{"__proto__": {"type": "decline"}}')],
  ])('refuses a header that is %s, and lives on', async (_what, header) => {
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    handler.receive({ header, body: new Uint8Array(0) });
    expect(last(sent)).toMatchObject({ code: 'wire.malformed' });
    handler.receive(decline);
    expect(received).toHaveLength(1);
  });

  it('refuses a body that is larger than any message of the job', async () => {
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    handler.receive({ ...decline, body: new Uint8Array(1001) });
    expect(last(sent)).toMatchObject({ code: 'wire.too-large' });
  });

  it('tells each job of its own messages alone, and each that still listens of a departure', async () => {
    const other = { received: [] as ToCoordinator[], left: [] as string[] };
    const job = '1'.repeat(64);
    const unobserve = sessions.observe(job, {
      received: (_client, header) => other.received.push(header),
      left: (gone) => other.left.push(gone),
    });
    const { sent, handler, nonce } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    handler.receive(decline);
    handler.receive(frame({ type: 'decline', job, round: 1, attempt: 0, code: 'test' }));
    expect(received).toMatchObject([{ job: JOB }]);
    expect(other.received).toMatchObject([{ job }]);
    unobserve();
    handler.receive(frame({ type: 'decline', job, round: 1, attempt: 0, code: 'late' }));
    expect(refusals).toEqual(['session.no-round']);
    expect(sent).toHaveLength(2);
    handler.closed();
    expect([left, other.left]).toEqual([[toHex(client.publicKey)], []]);
  });
});

describe('the limits of a session', () => {
  /** Sessions as in production, on a clock that the test drives. */
  function limited(messages = { perSecond: 1, burst: 10 }, refusals = 3) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    sessions = new Sessions({
      primitives,
      random,
      coordinator: coordinator.publicKey,
      admit: registry.admit,
      largestBody: 1000,
      limits: { handshake: 1000, messages, refusals },
      refused: (code) => refusals_.push(code),
    });
    const refusals_: string[] = [];
    return refusals_;
  }

  it('close a connection on which nobody says who it is', () => {
    const codes = limited();
    const { isClosed } = connect();
    vi.advanceTimersByTime(999);
    expect(isClosed()).toBe(false);
    vi.advanceTimersByTime(1);
    expect([isClosed(), codes]).toEqual([true, ['session.too-late']]);
  });

  it('leave a client alone that has said who it is', async () => {
    limited();
    const { sent, handler, nonce, isClosed } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    vi.advanceTimersByTime(100_000);
    expect(isClosed()).toBe(false);
  });

  it('close a connection that is flooded, and read nothing more of it', async () => {
    const codes = limited();
    const { sent, handler, nonce, isClosed } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    for (let i = 0; i < 1000; i++) handler.receive(decline);
    expect(isClosed()).toBe(true);
    expect(codes.filter((code) => code === 'session.no-round')).toHaveLength(9);
    expect(codes.at(-1)).toBe('session.too-many');
  });

  it('close a connection over which too much comes that is refused', async () => {
    const codes = limited();
    const { sent, handler, nonce, isClosed } = connect();
    handler.receive(await hello(nonce));
    await settled(sent, 2);
    for (let i = 0; i < 5; i++) handler.receive({ header: 7, body: new Uint8Array(0) });
    expect([isClosed(), codes]).toEqual([true, Array(3).fill('wire.malformed')]);
  });
});

describe('a connection that is lost while its signature is checked', () => {
  it('leaves no ghost behind', async () => {
    const { handler, nonce } = connect();
    handler.receive(await hello(nonce));
    handler.closed();
    await settled([], 1);
    expect(sessions.size).toBe(0);
  });
});

describe('a body that was cut off', () => {
  const header = { type: 'secagg', job: JOB, round: 1, attempt: 0, message: 'masked' };
  const upload: Upload = {
    header,
    digest: 'ab'.repeat(32),
    total: 900,
    received: 300,
    pieces: [new Uint8Array(300)],
  };
  const enter = async (begun?: Upload) => {
    const connection = connect(begun);
    connection.handler.receive(await hello(connection.nonce));
    await settled(connection.sent, 2);
    return connection;
  };
  let awaited: boolean;
  let end: () => void;
  beforeEach(() => {
    awaited = true;
    end = sessions.observe(JOB, {
      received: () => undefined,
      left: () => undefined,
      awaits: (_client, { round }) => awaited && round === 1,
    });
  });
  const resume = { digest: upload.digest, received: 300 };

  it('is told to its client when it comes again, and given to its connection once', async () => {
    const first = await enter(upload);
    expect(last(first.sent)).toEqual({ type: 'welcome' });
    first.handler.closed();
    const again = await enter();
    expect(last(again.sent)).toEqual({ type: 'welcome', resume });
    expect(again.handler.resumed!(upload.digest)).toEqual(upload);
    expect(again.handler.resumed!(upload.digest)).toBeUndefined();
  });

  it('is taken from the ghost of a client whose network changed, before that is noticed', async () => {
    const ghost = await enter(upload);
    const again = await enter();
    expect(last(again.sent)).toEqual({ type: 'welcome', resume });
    expect(ghost.isClosed()).toBe(true);
    expect(again.handler.resumed!(upload.digest)).toEqual(upload);
  });

  it('is given to nobody who has not shown who it is, and to no other client', async () => {
    (await enter(upload)).handler.closed();
    const stranger = connect();
    expect(stranger.handler.resumed!(upload.digest)).toBeUndefined();
    const holder = client;
    client = await createIdentity(primitives, random);
    const other = await enter();
    expect(last(other.sent)).toEqual({ type: 'welcome' });
    expect(other.handler.resumed!(upload.digest)).toBeUndefined();
    client = holder;
    expect(last((await enter()).sent)).toEqual({ type: 'welcome', resume });
  });

  it.each<[string, unknown]>([
    ['is of a round that is over', { ...header, round: 0 }],
    ['is of a job that nobody runs', { ...header, job: '1'.repeat(64) }],
    ['is no message', { type: 'masked' }],
    ['has no header', null],
  ])('is not kept where it %s', async (_what, of) => {
    (await enter({ ...upload, header: of })).handler.closed();
    expect(last((await enter()).sent)).toEqual({ type: 'welcome' });
  });

  it('is dropped when its phase or its round ends', async () => {
    for (const over of [
      () => {
        awaited = false;
        sessions.forgetUnawaited();
        awaited = true;
      },
      end,
    ]) {
      (await enter(upload)).handler.closed();
      sessions.forgetUnawaited();
      const again = await enter(upload);
      expect(last(again.sent)).toEqual({ type: 'welcome', resume });
      again.handler.closed();
      over();
      const late = await enter();
      expect(last(late.sent)).toEqual({ type: 'welcome' });
      late.handler.closed();
    }
  });
});
