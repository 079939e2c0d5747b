import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import type { Primitives } from '@tutti/shared/crypto';
import { socketChannel, type Channel, type ChannelHandler } from '@tutti/shared/protocol';
import { addressOf, Allowances, type Rate } from '../limits/index.js';

/** How many connections are taken in. */
export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
  /** New connections of one address. */
  readonly rate: Rate;
  /** Whether anybody is let in at the moment; left out, yes. Connections wait at the door for the answer. */
  readonly open?: () => Promise<boolean>;
  /** Whether a proxy of ours says who asks. */
  readonly behindProxy: boolean;
  /** Told of every connection that is not taken in, by its code. */
  readonly refused?: (code: string) => void;
}

export interface SocketServerOptions {
  readonly largestBody: number;
  readonly accept: (channel: Channel) => ChannelHandler;
  /** Left out, everybody is taken in. */
  readonly limits?: ConnectionLimits;
  /** Checks long messages that go on over another connection. Left out, none does. */
  readonly sha256?: Primitives['sha256'];
}

/** Milliseconds in which a socket must have joined, before it is asked who it is. */
const CONNECT_MS = 10_000;

/** Lets clients in over socket.io on an HTTP server, each as a channel. */
export function serveSockets(
  http: HttpServer,
  { largestBody, accept, limits, sha256 }: SocketServerOptions,
): { close(): Promise<void> } {
  const doorkeeper = limits && new Doorkeeper(limits);
  const io = new Server(http, {
    path: '/federation',
    transports: ['websocket'],
    serveClient: false,
    // Masked vectors are random bytes: compression costs time and saves nothing.
    perMessageDeflate: false,
    maxHttpBufferSize: 1_000_000,
    connectTimeout: CONNECT_MS,
    ...(doorkeeper && {
      allowRequest: (request, decide) => {
        // Nobody else listens yet: one that is torn down while it waits at the door must not end the process.
        request.socket.on('error', () => undefined);
        void doorkeeper.refusal(request).then((refusal) => decide(refusal, refusal === undefined));
      },
    }),
  });
  io.engine.on('connection', (raw: RawSocket) => {
    if (doorkeeper !== undefined && raw.request !== null) raw.once('close', doorkeeper.enter(raw.request));
    // Nothing of the request is needed any more, and ten thousand of them are memory (socket.io.dev, “Memory usage”).
    raw.request = null;
  });
  io.on('connection', (socket) => socketChannel(socket, { largestBody, accept, sha256 }));
  return {
    close: () => {
      const closed = io.close();
      // It waits for every connection of the HTTP server, and a page that follows events never ends its own.
      http.closeAllConnections();
      return closed;
    },
  };
}

/** What lies under a socket, as far as it is needed here. */
interface RawSocket {
  request: IncomingMessage | null;
  once(event: 'close', left: () => void): void;
}

/** Counts who is in, by address. */
class Doorkeeper {
  private readonly inside = new Map<string, number>();
  private readonly arrivals: Allowances;
  private total = 0;

  constructor(private readonly limits: ConnectionLimits) {
    this.arrivals = new Allowances(limits.rate);
  }

  /** Why a connection is not taken in, or undefined where it is. */
  async refusal(request: IncomingMessage): Promise<string | undefined> {
    const { open, refused } = this.limits;
    const address = addressOf(request, this.limits.behindProxy);
    let code = this.crowding(address) ?? (this.arrivals.take(address) ? undefined : 'connection.too-fast');
    if (code === undefined && open !== undefined) {
      // While it waited, others may have come in.
      code = (await open().catch(() => false)) ? this.crowding(address) : 'connection.standing-by';
    }
    if (code !== undefined) refused?.(code);
    return code;
  }

  private crowding(address: string): string | undefined {
    if (this.total >= this.limits.total) return 'connection.full';
    return (this.inside.get(address) ?? 0) >= this.limits.perAddress ? 'connection.too-many' : undefined;
  }

  /** @returns to be called when it is closed */
  enter(request: IncomingMessage): () => void {
    const address = addressOf(request, this.limits.behindProxy);
    this.total++;
    this.inside.set(address, (this.inside.get(address) ?? 0) + 1);
    return () => {
      this.total--;
      const left = (this.inside.get(address) ?? 1) - 1;
      if (left > 0) this.inside.set(address, left);
      else this.inside.delete(address);
    };
  }
}
