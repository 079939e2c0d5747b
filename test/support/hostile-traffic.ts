import { io, type Socket } from 'socket.io-client';
import { PROTOCOL_VERSION } from '@tutti/shared/protocol';
import type { RandomSource } from '@tutti/shared/crypto';
import { uniformStream } from '@tutti/shared/crypto';

/** Frames that a client might send if it were none of ours: random, mutated, nested, oversized, out of order. */
export class HostileTraffic {
  private readonly uniform: () => number;
  sent = 0;

  constructor(
    private readonly random: RandomSource,
    private readonly url: string,
    /** Answers a challenge, for connections that are let in before they turn out hostile. */
    private readonly greeting?: (nonce: string) => Promise<unknown>,
  ) {
    this.uniform = uniformStream(random);
  }

  /** Throws `bytes` of garbage at the coordinator over as many connections as it takes. */
  async run(bytes: number): Promise<void> {
    const before = this.sent;
    while (this.sent - before < bytes) await this.connection(bytes - (this.sent - before));
  }

  private async connection(most: number): Promise<void> {
    const socket = io(this.url, {
      path: '/federation',
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    });
    const gone = new Promise<void>((resolve) => {
      socket.on('disconnect', () => resolve());
      socket.on('connect_error', () => resolve());
    });
    const challenge = new Promise<{ nonce?: string }>((resolve) => {
      socket.on('frame', (description: { header: { nonce?: string } }) => resolve(description.header));
    });
    const { nonce } = await Promise.race([challenge, gone.then(() => ({ nonce: undefined }))]);
    const greeting = this.uniform() < 0.5 ? this.greeting : undefined;
    if (greeting !== undefined && nonce !== undefined) {
      const welcome = new Promise<void>((resolve) => socket.once('frame', () => resolve()));
      socket.emit('frame', { header: await greeting(nonce), total: 0, offset: 0 }, new Uint8Array(0));
      await Promise.race([welcome, gone]);
    }
    for (let i = 0; i < 20 && socket.connected; i++) this.throw(socket, Math.min(most, 200_000), nonce ?? '');
    // Whatever is refused is refused at once; what is left of the connection is of no interest.
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 20))]);
    socket.close();
  }

  private throw(socket: Socket, most: number, nonce: string): void {
    const empty = this.uniform() < 0.4;
    const body = this.random.fill(new Uint8Array(empty ? 0 : Math.floor(this.uniform() ** 3 * most)));
    const size = body.length;
    this.sent += size;
    const header = this.header(nonce);
    const acknowledge = () => undefined;
    // Most of it is carried as it should be, or nothing would get further than the first check.
    if (this.uniform() < 0.8) {
      socket.emit('frame', { header, total: size, offset: 0 }, body, acknowledge);
      return;
    }
    const total = this.pick([size, 0, size + 1, -1, 2 ** 40, Number.NaN, 'all']);
    const offset = this.pick([0, size, -1, 1.5]);
    socket.emit(
      this.pick(['frame', 'frame', 'message', '__proto__', 'x'.repeat(1000)]),
      this.pick([{ header, total, offset }, { header, total, offset, more: 1 }, header, null, undefined, []]),
      this.pick<unknown>([body, [...body.subarray(0, 50)], 'text', {}]),
      acknowledge,
    );
  }

  /** Something like a header, with a field that is not as it should be. */
  private header(nonce: string): unknown {
    const hex = (length: number) =>
      Array.from(this.random.fill(new Uint8Array(length)), (byte) => byte.toString(16).padStart(2, '0')).join(
        '',
      );
    const good = this.pick<Record<string, unknown>>([
      {
        type: 'hello',
        version: PROTOCOL_VERSION,
        identity: hex(32),
        certificate: hex(152),
        signature: hex(64),
      },
      { type: 'decline', job: hex(32), round: 1, attempt: 0, code: 'x' },
      { type: 'secagg', job: hex(32), round: 1, attempt: 0, message: 'masked-input' },
      { type: 'welcome' },
      { type: 'challenge', version: PROTOCOL_VERSION, nonce, coordinator: hex(32) },
    ]);
    const field = this.pick(Object.keys(good));
    return this.pick<unknown>([
      good,
      { ...good, [field]: this.pick<unknown>([null, -1, 1e308, '', 'x'.repeat(5000), {}, [[[[]]]], true]) },
      { ...good, [`${field}2`]: 1 },
      deep(this.pick([10, 200])),
      JSON.parse(`{"__proto__": {"type": "hello"}, "constructor": {"prototype": {"admin": true}}}`),
      'hello',
      7,
    ]);
  }

  private pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.uniform() * choices.length)] as T;
  }
}

function deep(levels: number): unknown {
  let value: unknown = 'bottom';
  for (let level = 0; level < levels; level++) value = { header: value };
  return value;
}
