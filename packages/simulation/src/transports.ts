import { dialCoordinator, HttpArtifacts } from '@tutti/client';
import { createWebApp, listenOnLoopback, serveSockets, type Sessions } from '@tutti/server';
import type { ArtifactSource } from '@tutti/shared/protocol';
import { connectInMemory, type Accept } from './memory-channel.js';

/** How virtual clients reach the coordinator. */
export interface Transport {
  readonly kind: 'memory' | 'socket';
  /** Where clients fetch jobs and models. */
  readonly artifacts: ArtifactSource;
  connect(client: Accept): void;
  close(): Promise<void>;
}

/** Bytes of the largest message that a client of this simulation may send. */
export const LARGEST_CLIENT_BODY = 512 * 2 ** 20;
const LARGEST_COORDINATOR_BODY = 4 * 2 ** 20;

/** Within the process. */
export function memoryTransport(sessions: Sessions, artifacts: ArtifactSource): Transport {
  return {
    kind: 'memory',
    artifacts,
    connect: (client) => connectInMemory((channel) => sessions.accept(channel), client),
    close: () => Promise.resolve(),
  };
}

/** Over real socket.io connections, and HTTP for jobs and models, on the loopback interface. */
export async function socketTransport(sessions: Sessions, artifacts: ArtifactSource): Promise<Transport> {
  const listening = await listenOnLoopback(createWebApp({ artifacts }));
  const url = `http://127.0.0.1:${listening.port}`;
  const sockets = serveSockets(listening.http, {
    largestBody: LARGEST_CLIENT_BODY,
    accept: (channel) => sessions.accept(channel),
  });
  const dialled = new Set<{ close(): void }>();
  return {
    kind: 'socket',
    artifacts: new HttpArtifacts(url),
    connect: (client) => {
      const connection = dialCoordinator(url, {
        largestBody: LARGEST_COORDINATOR_BODY,
        accept: (channel) => {
          const handler = client(channel);
          return {
            receive: (frame) => handler.receive(frame),
            closed: () => {
              // A virtual client that is lost dials again when the simulation says so, not by itself.
              connection.close();
              dialled.delete(connection);
              handler.closed();
            },
          };
        },
      });
      dialled.add(connection);
    },
    close: async () => {
      for (const connection of dialled) connection.close();
      await sockets.close();
      await listening.close();
    },
  };
}
