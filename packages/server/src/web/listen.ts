import type { Server as HttpServer } from 'node:http';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

/** An HTTP server that answers. */
export interface Listening {
  readonly http: HttpServer;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens on a port (0: any free one) of one address. Only loopback for now: beyond it, TLS and enrolment of operators must
 * stand in front.
 */
export function listenOnLoopback(app: Hono, port = 0): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const http = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) =>
      resolve({
        http,
        port: address.port,
        close: () =>
          new Promise((closed) => {
            http.close(() => closed());
            if ('closeAllConnections' in http) http.closeAllConnections();
          }),
      }),
    ) as HttpServer;
    http.once('error', reject);
  });
}
