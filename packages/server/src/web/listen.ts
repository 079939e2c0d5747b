import type { Server as HttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

/** An HTTP server that answers. */
export interface Listening {
  readonly http: HttpServer;
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Certificate chain and private key, PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** Listens for HTTP, or for HTTPS where there is a certificate. */
export function listen(app: Hono, { host, port, tls }: ListenOptions): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const secure = tls && {
      createServer: createTlsServer,
      serverOptions: { ...tls, minVersion: 'TLSv1.2' as const },
    };
    const http = serve({ fetch: app.fetch, port, hostname: host, ...secure }, (address) =>
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

/** Listens on a port (0: any free one) of the loopback interface, which nobody else can reach. */
export function listenOnLoopback(app: Hono, port = 0): Promise<Listening> {
  return listen(app, { host: '127.0.0.1', port });
}
