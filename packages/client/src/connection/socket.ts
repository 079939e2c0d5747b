import { io } from 'socket.io-client';
import { socketChannel, type Channel, type ChannelHandler } from '@tutti/shared/protocol';

/**
 * Dials a coordinator over socket.io. A lost connection is dialled again with exponential backoff and jitter; each
 * connection is a new channel with a new handshake.
 */
export function dialCoordinator(
  url: string,
  options: { largestBody: number; accept: (channel: Channel) => ChannelHandler },
): { close(): void } {
  const socket = io(url, {
    path: '/federation',
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 30_000,
    randomizationFactor: 0.5,
  });
  socket.on('connect', () => {
    socket.off('frame');
    socket.off('disconnect');
    socketChannel(socket, options.largestBody, options.accept);
  });
  return { close: () => void socket.close() };
}
