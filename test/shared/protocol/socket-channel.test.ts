import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import {
  socketChannel,
  type Channel,
  type Frame,
  type PacketSocket,
  type Upload,
} from '@tutti/shared/protocol';

/** Two ends of a socket.io connection, as far as a channel can tell. */
function socketPair() {
  class End implements PacketSocket {
    peer!: End;
    readonly events = new EventEmitter();
    readonly packets: { length: number; acknowledged: boolean }[] = [];
    connected = true;
    emit(event: string, ...values: unknown[]) {
      this.packets.push({ length: (values[1] as Uint8Array).length, acknowledged: false });
      setImmediate(() => this.connected && this.peer.events.emit(event, ...values));
    }
    timeout() {
      return {
        emitWithAck: (event: string, ...values: unknown[]) =>
          new Promise<void>((resolve) => {
            this.packets.push({ length: (values[1] as Uint8Array).length, acknowledged: true });
            setImmediate(() => this.peer.events.emit(event, ...values, resolve));
          }),
      };
    }
    on(event: string, listener: (...values: never[]) => void) {
      this.events.on(event, listener as (...values: unknown[]) => void);
    }
    disconnect() {
      for (const end of [this, this.peer]) {
        if (!end.connected) continue;
        end.connected = false;
        end.events.emit('disconnect');
      }
    }
  }
  const [left, right] = [new End(), new End()];
  left.peer = right;
  right.peer = left;
  return { left, right };
}

function channels(largestBody = 10_000_000) {
  const { left, right } = socketPair();
  const received: Frame[] = [];
  let closed = 0;
  let sender!: Channel;
  socketChannel(left, {
    largestBody,
    accept: (channel) => {
      sender = channel;
      return { receive: () => undefined, closed: () => undefined };
    },
  });
  socketChannel(right, {
    largestBody,
    accept: () => ({ receive: (frame) => received.push(frame), closed: () => closed++ }),
  });
  return { left, right, sender, received, closed: () => closed };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn++)
    await new Promise((resolve) => setImmediate(resolve));
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7919) & 0xff);
/** `toEqual` takes seconds for a megabyte. */
const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

describe('a channel over a socket', () => {
  it('keeps what it was given when a library uses its buffer again, and hands it out where lanes can lie over it', async () => {
    const { right, received } = channels();
    // As the library for Node does: a window on a pool, at an odd place.
    const pool = Buffer.alloc(512, 7);
    right.events.emit('frame', { header: {}, total: 256, offset: 0 }, pool.subarray(3, 259));
    await until(() => received.length === 1);
    pool.fill(9);
    const { body } = received[0]!;
    expect([...body]).toEqual(Array.from({ length: 256 }, () => 7));
    expect(body).not.toBeInstanceOf(Buffer);
    expect(body.byteOffset % 4).toBe(0);
  });

  it.each([0, 1, 262_144, 262_145, 1_000_000])('carries a body of %i bytes whole', async (length) => {
    const { sender, received } = channels();
    sender.send({ header: { type: 'x' }, body: bytes(length) });
    await until(() => received.length === 1);
    expect(received[0]!.header).toEqual({ type: 'x' });
    expect(same(received[0]!.body, bytes(length))).toBe(true);
  });

  it('sends a long body in acknowledged pieces of at most 256 KiB, and keeps the order of frames', async () => {
    const { left, sender, received } = channels();
    sender.send({ header: 1, body: bytes(1_000_000) });
    sender.send({ header: 2, body: bytes(3) });
    await until(() => received.length === 2);
    expect(received.map(({ header }) => header)).toEqual([1, 2]);
    expect(Math.max(...left.packets.map(({ length }) => length))).toBe(262_144);
    expect(left.packets.map(({ acknowledged }) => acknowledged)).toEqual([true, true, true, true, false]);
  });

  it('delivers what was sent before the connection was closed in good order', async () => {
    const { sender, received, closed } = channels();
    sender.send({ header: 1, body: bytes(600_000) });
    sender.close();
    await until(() => closed() === 1);
    expect(received).toHaveLength(1);
  });

  it.each<[string, unknown, unknown]>([
    ['a body that is larger than allowed', { header: 1, total: 2_000_000, offset: 0 }, bytes(10)],
    ['a piece beyond the body', { header: 1, total: 10, offset: 5 }, bytes(10)],
    ['a piece that does not follow', { header: 1, total: 1000, offset: 500 }, bytes(500)],
    ['a piece of nothing', { header: 1, total: 1000, offset: 0 }, bytes(0)],
    ['a piece that is smaller than it may be', { header: 1, total: 900_000, offset: 0 }, bytes(1)],
    ['a piece that is larger than it may be', { header: 1, total: 900_000, offset: 0 }, bytes(262_145)],
    ['less than the whole of a short body', { header: 1, total: 1000, offset: 0 }, bytes(999)],
    ['bytes that are none', { header: 1, total: 3, offset: 0 }, 'abc'],
    ['no description', null, bytes(3)],
    ['a negative length', { header: 1, total: -1, offset: 0 }, bytes(0)],
  ])('closes the connection on %s', (_what, description, body) => {
    const { left, right, received, closed } = channels(1_000_000);
    right.events.emit('frame', description, body);
    expect(closed()).toBe(1);
    expect(received).toEqual([]);
    expect(left.connected).toBe(false);
  });

  it('takes no more at once than its handler allows at that moment', () => {
    const { left, right } = socketPair();
    const received: Frame[] = [];
    let known = false;
    socketChannel(right, {
      largestBody: 1000,
      accept: () => ({
        receive: (frame) => {
          received.push(frame);
          known = true;
        },
        largestBody: () => (known ? 5000 : 0),
        closed: () => undefined,
      }),
    });
    right.events.emit('frame', { header: 'hello', total: 0, offset: 0 }, bytes(0));
    right.events.emit('frame', { header: 'long', total: 1000, offset: 0 }, bytes(1000));
    expect(received.map(({ header }) => header)).toEqual(['hello', 'long']);
    right.events.emit('frame', { header: 'too long', total: 1001, offset: 0 }, bytes(1001));
    expect(left.connected).toBe(false);

    const { left: stranger, right: end } = socketPair();
    socketChannel(end, {
      largestBody: 1000,
      accept: () => ({ receive: () => undefined, largestBody: () => 0, closed: () => undefined }),
    });
    end.events.emit('frame', { header: 'a body before a greeting', total: 1, offset: 0 }, bytes(1));
    expect(stranger.connected).toBe(false);
  });

  it('gives memory for what has arrived, not for what was announced', () => {
    const { left, right } = channels(2 ** 31);
    const piece = bytes(262_144);
    const before = process.memoryUsage().arrayBuffers;
    for (let peer = 0; peer < 20; peer++) {
      const { right: end } = channels(2 ** 31);
      end.events.emit('frame', { header: 1, total: 2 ** 30, offset: 0 }, piece);
    }
    right.events.emit('frame', { header: 1, total: 2 ** 30, offset: 0 }, piece);
    expect(left.connected).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
  });

  it('hears nothing more of whoever broke the rules once', () => {
    const { right, received } = channels(1_000_000);
    right.events.emit('frame', { header: 1, total: 3, offset: 1 }, bytes(2));
    right.events.emit('frame', { header: 2, total: 3, offset: 0 }, bytes(3));
    expect(received).toEqual([]);
  });

  it('sends nothing over a connection that is closed, for the next one would carry it ahead of its handshake', async () => {
    const { left, sender } = channels();
    sender.send({ header: 1, body: bytes(3_000_000) });
    await until(() => left.packets.length === 4);
    left.disconnect();
    sender.send({ header: 2, body: bytes(3) });
    sender.send({ header: 3, body: bytes(300_000) });
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(left.packets).toHaveLength(4);
  });

  it('does not let a second frame begin inside the first', () => {
    const { right, received, closed } = channels();
    right.events.emit('frame', { header: 1, total: 300_000, offset: 0 }, bytes(262_144));
    right.events.emit('frame', { header: 2, total: 3, offset: 0 }, bytes(3));
    expect(closed()).toBe(1);
    expect(received).toEqual([]);
  });
});

describe('a long body that is cut off', () => {
  const sha256 = (...parts: readonly Uint8Array[]) => primitives.sha256(...parts);
  const digestOf = (body: Uint8Array, header: unknown = { type: 'masked' }) =>
    toHex(primitives.sha256(utf8(JSON.stringify(header)), body));
  const body = bytes(1_500_000);

  /** A connection, and what one that came before left behind. */
  function connection(kept?: Upload) {
    const { left, right } = socketPair();
    const received: Frame[] = [];
    let [sender, receiver]: Channel[] = [];
    let left_: Upload | undefined;
    socketChannel(left, {
      largestBody: 1,
      sha256,
      accept: (channel) => {
        sender = channel;
        return { receive: () => undefined, closed: () => undefined };
      },
    });
    socketChannel(right, {
      largestBody: 2_000_000,
      sha256,
      accept: (channel) => {
        receiver = channel;
        return {
          receive: (frame) => received.push(frame),
          resumed: (digest) => (kept?.digest === digest ? kept : undefined),
          closed: () => (left_ = channel.interrupt?.()),
        };
      },
    });
    return { left, right, received, sender: sender!, receiver: receiver!, kept: () => left_ };
  }

  /** Cut off after so many of its six pieces. */
  async function cutOff(after: number): Promise<Upload> {
    const first = connection();
    let pieces = 0;
    first.right.events.on('frame', () => ++pieces === after && first.right.disconnect());
    first.sender.send({ header: { type: 'masked' }, body });
    await until(() => first.kept() !== undefined);
    expect(first.received).toEqual([]);
    return first.kept()!;
  }

  it.each([1, 3, 5])(
    'goes on over the next connection from the piece after the %i that came',
    async (after) => {
      const kept = await cutOff(after);
      expect(kept).toMatchObject({
        header: { type: 'masked' },
        digest: digestOf(body),
        total: body.length,
        received: after * 262_144,
      });
      const next = connection(kept);
      next.sender.resume!({ digest: kept.digest, received: kept.received });
      next.sender.send({ header: { type: 'masked' }, body });
      await until(() => next.received.length === 1);
      expect(next.received[0]!.header).toEqual({ type: 'masked' });
      expect(same(next.received[0]!.body, body)).toBe(true);
      const sent = next.left.packets.reduce((sum, { length }) => sum + length, 0);
      expect(sent).toBe(body.length - after * 262_144);
    },
  );

  it('is sent whole where the receiver says nothing, or speaks of another body', async () => {
    const kept = await cutOff(2);
    for (const progress of [
      undefined,
      { digest: digestOf(bytes(3)), received: 262_144 },
      { digest: digestOf(body, { type: 'masked', round: 2 }), received: 262_144 },
      { digest: kept.digest, received: body.length },
      { digest: kept.digest, received: 2 ** 40 },
    ]) {
      const next = connection(kept);
      if (progress !== undefined) next.sender.resume!(progress);
      next.sender.send({ header: { type: 'masked' }, body });
      await until(() => next.received.length === 1);
      expect(same(next.received[0]!.body, body)).toBe(true);
      const sent = next.left.packets.reduce((sum, { length }) => sum + length, 0);
      expect(sent).toBe(body.length);
    }
  });

  it('goes on once: what is sent after it goes whole', async () => {
    const next = connection(await cutOff(2));
    next.sender.resume!({ digest: digestOf(body), received: 2 * 262_144 });
    next.sender.send({ header: { type: 'masked' }, body });
    next.sender.send({ header: { type: 'masked' }, body });
    await until(() => next.received.length === 2);
    expect(next.received.map((frame) => frame.body.length)).toEqual([body.length, body.length]);
    const sent = next.left.packets.reduce((sum, { length }) => sum + length, 0);
    expect(sent).toBe(2 * body.length - 2 * 262_144);
  });

  it('is taken out once, when it is interrupted, and nothing more is taken in', async () => {
    const { sender, receiver, received, right } = connection();
    let pieces = 0;
    let taken: Upload | undefined;
    right.events.on('frame', () => ++pieces === 2 && (taken = receiver.interrupt!()));
    sender.send({ header: 1, body });
    await until(() => pieces === 2);
    await until(() => false);
    expect(taken).toMatchObject({ received: 2 * 262_144 });
    expect(receiver.interrupt!()).toBeUndefined();
    expect(received).toEqual([]);
  });

  const PIECE = 262_144;
  const total = PIECE + 500;
  const digest = digestOf(body.slice(0, total));
  const header = { type: 'masked' };
  const first = (name: string): Upload => ({
    header,
    digest: name,
    total,
    received: PIECE,
    pieces: [body.slice(0, PIECE)],
  });
  const rest = body.slice(PIECE, total);
  const fits = { header, total, offset: PIECE, digest };

  const nested = (depth: number) => {
    let value: unknown = {};
    for (let level = 0; level < depth; level++) value = [value];
    return value;
  };

  it.each<[string, Upload | undefined, unknown, Uint8Array]>([
    ['of which nothing was kept', undefined, fits, rest],
    ['whose rest names no frame', first(digest), { header, total, offset: PIECE }, rest],
    ['whose rest leaves a gap', first(digest), { ...fits, offset: PIECE + 100 }, rest.slice(100)],
    ['whose rest overlaps', first(digest), { ...fits, offset: 0, total: PIECE }, body.slice(0, PIECE)],
    [
      'whose piece before the last comes again',
      first(digest),
      { ...fits, offset: PIECE - 500 },
      body.slice(PIECE - 500, total),
    ],
    ['that has another length now', first(digest), { ...fits, total: total - 1 }, rest.slice(1)],
    ['whose rest is another', first(digest), fits, rest.map((byte) => byte ^ 1)],
    [
      'whose rest is for another round',
      first(digest),
      { ...fits, header: { type: 'masked', round: 2 } },
      rest,
    ],
    ['that is larger than allowed', first(digest), { ...fits, total: 2 ** 40 }, body.slice(0, PIECE)],
    ['whose name is no hash', first('x'), { ...fits, digest: 'x' }, rest],
    [
      'that is whole, and not what it was said to be',
      undefined,
      { header, total: 500, offset: 0, digest },
      rest,
    ],
    [
      'whose header nests too deeply to be written down again',
      undefined,
      { header: nested(100_000), total: 0, offset: 0, digest },
      bytes(0),
    ],
  ])('closes the connection where it is one %s', (_what, kept, description, piece) => {
    const { left, right, received } = connection(kept);
    right.events.emit('frame', description, piece);
    expect(left.connected).toBe(false);
    expect(received).toEqual([]);
  });

  it('is joined to its rest where all fits, so that the refusals above are for what they say', () => {
    const { right, received } = connection(first(digest));
    right.events.emit('frame', fits, rest);
    expect(received).toHaveLength(1);
    expect(received[0]!.header).toEqual(header);
    expect(same(received[0]!.body, body.slice(0, total))).toBe(true);
  });
});
