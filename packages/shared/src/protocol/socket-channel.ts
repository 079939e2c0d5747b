import { z } from 'zod';
import { concatBytes } from '../crypto/index.js';
import type { Channel, ChannelHandler } from './wire.js';

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

const pieceSchema = z.strictObject({
  header: z.unknown(),
  total: z.int().min(0),
  offset: z.int().min(0),
});

/**
 * Carries frames over a socket.io socket: in order, a long body in acknowledged pieces with a bounded number in flight.
 * A packet that does not fit closes the connection, for what follows it could not be trusted to be whole.
 *
 * @param largestBody - bytes of the largest body that is taken in
 */
export function socketChannel(
  socket: PacketSocket,
  largestBody: number,
  accept: (channel: Channel) => ChannelHandler,
): void {
  let closed = false;
  let broken = false;
  let sending = Promise.resolve();
  const isClosed = () => closed;
  const close = () => {
    if (closed) return;
    // What was sent before still leaves: the connection closes behind it.
    sending = sending.then(() => void socket.disconnect());
  };
  const handler = accept({
    send: ({ header, body }) => {
      sending = sending
        .then(() => sendFrame(socket, header, body, isClosed))
        .catch(() => void socket.disconnect());
    },
    close,
  });

  // Pieces as they came, and not an array of the length that was announced: memory is given for what has arrived.
  let assembling: { header: unknown; total: number; pieces: Uint8Array[]; received: number } | undefined;
  const take = (description: unknown, bytes: unknown): boolean => {
    const piece = pieceSchema.safeParse(description);
    if (!piece.success || !(bytes instanceof Uint8Array)) return false;
    const { header, total, offset } = piece.data;
    const largest = Math.min(largestBody, handler.largestBody?.() ?? largestBody);
    if (total > largest || bytes.length > PIECE_BYTES || offset + bytes.length > total) return false;
    if (offset === 0 && assembling === undefined) assembling = { header, total, pieces: [], received: 0 };
    if (assembling?.received !== offset || assembling.total !== total) return false;
    // A packet may be a window on a buffer that the library uses again. `slice` copies no Buffer of Node: it is a window itself.
    assembling.pieces.push(new Uint8Array(bytes));
    assembling.received += bytes.length;
    if (assembling.received < total && bytes.length === 0) return false;
    if (assembling.received === total) {
      const { header: whole, pieces } = assembling;
      assembling = undefined;
      const [only, second] = pieces;
      const body = only !== undefined && second === undefined ? only : concatBytes(...pieces);
      handler.receive({ header: whole, body });
    }
    return true;
  };
  socket.on('frame', (description: unknown, bytes: unknown, acknowledge?: unknown) => {
    if (broken) return;
    // In a browser the library hands out the buffer itself.
    if (!take(description, bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes)) {
      broken = true;
      assembling = undefined;
      socket.disconnect();
      return;
    }
    if (typeof acknowledge === 'function') (acknowledge as () => void)();
  });
  socket.on('disconnect', () => {
    closed = true;
    assembling = undefined;
    handler.closed();
  });
}

/** Nothing leaves once the connection is closed: the library would keep it, and send it over the next one, ahead of the handshake. */
async function sendFrame(
  socket: PacketSocket,
  header: unknown,
  body: Uint8Array,
  isClosed: () => boolean,
): Promise<void> {
  if (isClosed()) return;
  const total = body.length;
  if (total <= PIECE_BYTES) {
    socket.emit('frame', { header, total, offset: 0 }, body);
    return;
  }
  const inFlight: Promise<unknown>[] = [];
  for (let offset = 0; offset < total; offset += PIECE_BYTES) {
    if (inFlight.length === PIECES_IN_FLIGHT) await inFlight.shift();
    if (isClosed()) return;
    const piece = body.slice(offset, offset + PIECE_BYTES);
    const sent = socket
      .timeout(ACKNOWLEDGEMENT_MS)
      .emitWithAck('frame', { header: offset === 0 ? header : null, total, offset }, piece);
    // A failure is seen where the piece is awaited; until then it must not count as unhandled.
    sent.catch(() => undefined);
    inFlight.push(sent);
  }
  await Promise.all(inFlight);
}
