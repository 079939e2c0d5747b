import { z } from 'zod';
import { concatBytes, toHex, utf8 } from '../crypto/index.js';
import type { Channel, ChannelHandler, Frame, Upload, UploadProgress } from './wire.js';

/**
 * Bytes of a frame's body that travel in one packet. Heartbeats queue behind data and socket.io closes a connection whose
 * packet is over a megabyte, so that a long vector goes in pieces, each acknowledged.
 */
const PIECE_BYTES = 256 * 1024;
const PIECES_IN_FLIGHT = 4;
const ACKNOWLEDGEMENT_MS = 60_000;

/** What a socket.io socket offers, on either side, as far as frames need it. */
export interface PacketSocket {
  emit(event: string, ...values: unknown[]): unknown;
  timeout(milliseconds: number): { emitWithAck(event: string, ...values: unknown[]): Promise<unknown> };
  on(event: string, listener: (...values: never[]) => void): unknown;
  disconnect(): unknown;
}

export interface SocketChannelOptions {
  /** Bytes of the largest body that is taken in. */
  readonly largestBody: number;
  readonly accept: (channel: Channel) => ChannelHandler;
  /** Names long bodies, so that one that is cut off can go on over another connection. Left out, it is sent again whole. */
  readonly sha256?: Sha256 | undefined;
}

type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array;

/**
 * Carries frames over a socket.io socket: in order, a long body in acknowledged pieces with a bounded number in flight.
 * A packet that does not fit closes the connection, for what follows it could not be trusted to be whole.
 *
 * All pieces but the last of a body are of one size, so that many small ones cannot take more memory than their bytes.
 *
 * A long frame is announced with its SHA-256, header and body. What has come of it when the connection ends can be taken out of the channel, and handed to the channel of the next
 * connection, over which its rest then comes; a frame whose hash is another than was announced is never handed on.
 */
export function socketChannel(
  socket: PacketSocket,
  { largestBody, accept, sha256 }: SocketChannelOptions,
): void {
  const digestOf = (whole: Frame) => sha256 && digestOfFrame(whole, sha256);
  let closed = false;
  let progress: UploadProgress | undefined;
  let sending = Promise.resolve();
  const isClosed = () => closed;
  const close = () => {
    if (closed) return;
    // What was sent before still leaves: the connection closes behind it.
    sending = sending.then(() => void socket.disconnect());
  };
  /** From where on a body is sent. */
  const startOf = (body: Uint8Array, digest: string | undefined): number => {
    if (progress === undefined || progress.digest !== digest || progress.received >= body.length) return 0;
    const { received } = progress;
    progress = undefined;
    return received;
  };
  const handler = accept({
    send: ({ header, body }) => {
      sending = sending
        .then(() => sendFrame(socket, { header, body }, { digestOf, startOf, isClosed }))
        .catch(() => void socket.disconnect());
    },
    close,
    interrupt: () => assembly.interrupt(),
    resume: (known) => (progress = known),
  });
  const assembly = new Assembly(handler, largestBody, digestOf);
  socket.on('frame', (description: unknown, bytes: unknown, acknowledge?: unknown) => {
    if (assembly.over) return;
    // In a browser the library hands out the buffer itself.
    if (!assembly.take(description, bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes)) {
      assembly.discard();
      socket.disconnect();
      return;
    }
    if (typeof acknowledge === 'function') (acknowledge as () => void)();
  });
  socket.on('disconnect', () => {
    closed = true;
    handler.closed();
    assembly.discard();
  });
}

const pieceSchema = z.strictObject({
  header: z.unknown(),
  total: z.int().min(0),
  offset: z.int().min(0),
  /** Of the first piece over this connection of a long body: SHA-256 of the whole. */
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

type Digest = (frame: Frame) => string | undefined;

/** @returns undefined where there is none: a header can nest too deeply to be written down again, and be read all the same */
function digestOfFrame({ header, body }: Frame, sha256: Sha256): string | undefined {
  let text: string;
  try {
    text = JSON.stringify(header);
  } catch {
    return undefined;
  }
  // The text of a JSON object tells where it ends, so that header and body cannot run into one another.
  return toHex(sha256(utf8(text), body));
}

/** Puts the pieces of one frame after the other together. */
class Assembly {
  /** Nothing is taken in any more. */
  over = false;
  /** Pieces as they came, and not an array of the length that was announced: memory is given for what has arrived. */
  private current:
    | { header: unknown; total: number; digest: string | undefined; pieces: Uint8Array[]; received: number }
    | undefined;

  constructor(
    private readonly handler: ChannelHandler,
    private readonly largestBody: number,
    private readonly digestOf: Digest,
  ) {}

  /** @returns false where the piece does not fit: then the connection is no good */
  take(description: unknown, bytes: unknown): boolean {
    const piece = pieceSchema.safeParse(description);
    if (!piece.success || !(bytes instanceof Uint8Array)) return false;
    const { header, total, offset, digest } = piece.data;
    const largest = Math.min(this.largestBody, this.handler.largestBody?.() ?? this.largestBody);
    if (total > largest || bytes.length !== Math.min(PIECE_BYTES, total - offset)) return false;
    this.current ??= this.begin({ header, total, offset, digest });
    const { current } = this;
    if (current?.received !== offset || current.total !== total) return false;
    // A packet may be a window on a buffer that the library uses again. `slice` copies no Buffer of Node: it is a window itself.
    current.pieces.push(new Uint8Array(bytes));
    current.received += bytes.length;
    if (current.received < total) return true;
    this.current = undefined;
    return this.hand(current);
  }

  /** The beginning of a long body, taken out; nothing more is taken in. */
  interrupt(): Upload | undefined {
    const { current } = this;
    this.discard();
    if (current?.digest === undefined || current.received === 0) return undefined;
    const { header, digest, total, received, pieces } = current;
    return { header, digest, total, received, pieces };
  }

  discard(): void {
    this.over = true;
    this.current = undefined;
  }

  /** The first piece over this connection: of a new body, or of one that an earlier connection began. */
  private begin({ header, total, offset, digest }: z.output<typeof pieceSchema>): Assembly['current'] {
    if (offset === 0) return { header, total, digest, pieces: [], received: 0 };
    const kept = digest === undefined ? undefined : this.handler.resumed?.(digest);
    return kept && { header, total: kept.total, digest, pieces: [...kept.pieces], received: kept.received };
  }

  private hand({ header, digest, pieces }: NonNullable<Assembly['current']>): boolean {
    const [only, second] = pieces;
    const body = only !== undefined && second === undefined ? only : concatBytes(...pieces);
    if (digest !== undefined && this.digestOf({ header, body }) !== digest) return false;
    this.handler.receive({ header, body });
    return true;
  }
}

/** Nothing leaves once the connection is closed: the library would keep it, and send it over the next one, ahead of the handshake. */
async function sendFrame(
  socket: PacketSocket,
  { header, body }: Frame,
  {
    digestOf,
    startOf,
    isClosed,
  }: {
    readonly digestOf: Digest;
    readonly startOf: (body: Uint8Array, digest: string | undefined) => number;
    readonly isClosed: () => boolean;
  },
): Promise<void> {
  if (isClosed()) return;
  const total = body.length;
  if (total <= PIECE_BYTES) {
    socket.emit('frame', { header, total, offset: 0 }, body);
    return;
  }
  const digest = digestOf({ header, body });
  const start = startOf(body, digest);
  const inFlight: Promise<unknown>[] = [];
  for (let offset = start; offset < total; offset += PIECE_BYTES) {
    if (inFlight.length === PIECES_IN_FLIGHT) await inFlight.shift();
    if (isClosed()) return;
    const piece = body.slice(offset, offset + PIECE_BYTES);
    const first = { header, total, offset, ...(digest !== undefined && { digest }) };
    const sent = socket
      .timeout(ACKNOWLEDGEMENT_MS)
      .emitWithAck('frame', offset === start ? first : { header: null, total, offset }, piece);
    // A failure is seen where the piece is awaited; until then it must not count as unhandled.
    sent.catch(() => undefined);
    inFlight.push(sent);
  }
  await Promise.all(inFlight);
}
