import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import { socketChannel, type Channel, type ChannelHandler } from '@tutti/shared/protocol';

/** Lets clients in over socket.io on an HTTP server, each as a channel. */
export function serveSockets(
  http: HttpServer,
  options: { largestBody: number; accept: (channel: Channel) => ChannelHandler },
): { close(): Promise<void> } {
  const io = new Server(http, {
    path: '/federation',
    transports: ['websocket'],
    serveClient: false,
    // Masked vectors are random bytes: compression costs time and saves nothing.
    perMessageDeflate: false,
    maxHttpBufferSize: 1_000_000,
  });
  io.on('connection', (socket) => socketChannel(socket, options.largestBody, options.accept));
  return {
    close: () => {
      const closed = io.close();
      // It waits for every connection of the HTTP server, and a page that follows events never ends its own.
      http.closeAllConnections();
      return closed;
    },
  };
}
