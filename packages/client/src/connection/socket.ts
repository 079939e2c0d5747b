import { io, type Socket } from 'socket.io-client';
import type { Primitives } from '@tutti/shared/crypto';
import { socketChannel, type Channel, type ChannelHandler } from '@tutti/shared/protocol';
import { Backoff } from './backoff.js';
import { tlsRefusal } from './tls-refusal.js';
import { uniform } from './uniform.js';

/** Something that happened to a connection. */
export type ConnectionEvent =
  | { readonly kind: 'connected' | 'lost' }
  /** The server’s certificate was not believed. In Node. */
  | { readonly kind: 'untrusted'; readonly code: string; readonly message: string; readonly remedy: string }
  /** The next try comes in so many milliseconds. */
  | { readonly kind: 'waiting'; readonly milliseconds: number; readonly reason: string };

export interface DialOptions {
  readonly largestBody: number;
  readonly accept: (channel: Channel) => ChannelHandler;
  /** Names long messages, so that one that is cut off goes on over the next connection. Left out, it is sent again whole. */
  readonly sha256?: Primitives['sha256'];
  /** PEM of certificate authorities to believe, and no others. Default: those of the platform. In Node. */
  readonly certificates?: string;
  /** Default: a wait that doubles from one second to five minutes. */
  readonly backoff?: Backoff;
  readonly observe?: (event: ConnectionEvent) => void;
}

/** A connection that is dialled again whenever it is lost. */
export interface Connection {
  /** Both sides have greeted: the next loss is waited out from the start again. Until then each refusal is waited out longer. */
  settled(): void;
  /** Whatever there is of a connection is no good any more (the machine slept, the network changed): dials again at once. */
  redial(): void;
  close(): void;
}

/** Milliseconds within which a connection has to come about. */
const CONNECT_TIMEOUT = 20_000;

/**
 * Dials a coordinator over socket.io, and dials again with exponential backoff and jitter, whether the connection was lost, could not be
 * made or was refused in the handshake. Each connection is a new channel with a new handshake.
 */
export function dialCoordinator(url: string, options: DialOptions): Connection {
  const { largestBody, accept, sha256, certificates, observe } = options;
  const backoff = options.backoff ?? new Backoff(uniform);
  let socket: Socket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const dial = () => {
    const dialled = io(url, {
      path: '/federation',
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      timeout: CONNECT_TIMEOUT,
      ...(certificates !== undefined && { ca: certificates }),
    });
    socket = dialled;
    const again = (reason: string) => {
      if (closed || socket !== dialled) return;
      const milliseconds = backoff.next();
      observe?.({ kind: 'waiting', milliseconds, reason });
      timer = setTimeout(dial, milliseconds);
    };
    dialled.on('connect', () => {
      socketChannel(dialled, { largestBody, accept, sha256 });
      observe?.({ kind: 'connected' });
    });
    dialled.on('disconnect', (reason) => {
      observe?.({ kind: 'lost' });
      again(reason);
    });
    dialled.on('connect_error', (error) => {
      dialled.close();
      const refusal = tlsRefusal(error);
      if (refusal !== undefined && !closed) {
        const { code, message, remedy } = refusal;
        observe?.({ kind: 'untrusted', code, message, remedy });
      }
      again(refusal?.message ?? causeOf(error));
    });
  };
  const drop = () => {
    clearTimeout(timer);
    const dropped = socket;
    socket = undefined;
    dropped?.close();
  };
  dial();
  return {
    settled: () => backoff.reset(),
    redial: () => {
      if (closed) return;
      drop();
      backoff.reset();
      dial();
    },
    close: () => {
      closed = true;
      drop();
    },
  };
}

function causeOf(error: Error): string {
  // The transport wraps what the socket or TLS said; that is what a person can act on.
  const { description } = error as { description?: { message?: string; error?: { message?: string } } };
  return description?.error?.message ?? description?.message ?? error.message;
}
