import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createWebApp, listenOnLoopback, RecentArtifacts } from '@tutti/server';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';

const MEGABYTE = 2 ** 20;
const model = Uint8Array.from({ length: 24 * MEGABYTE }, (_, index) => (index * 7919) & 0xff);
const hash = toHex(primitives.sha256(model));
const serve = () =>
  listenOnLoopback(createWebApp({ artifacts: new RecentArtifacts({ fetch: () => Promise.resolve(model) }) }));

/** Bytes in buffers that are still held by something. */
function kept(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

describe('a large artifact', () => {
  it('arrives whole, with its length ahead of it', async () => {
    const listening = await serve();
    try {
      const response = await fetch(`http://127.0.0.1:${listening.port}/artifacts/${hash}`);
      expect(response.headers.get('content-length')).toBe(String(model.length));
      expect(toHex(primitives.sha256(new Uint8Array(await response.arrayBuffer())))).toBe(hash);
    } finally {
      await listening.close();
    }
  });

  it('is held once, however many begin to fetch it and do not read on', async () => {
    const listening = await serve();
    const before = kept();
    const sockets = Array.from({ length: 16 }, () => connect(listening.port, '127.0.0.1'));
    try {
      for (const socket of sockets) {
        socket.write(`GET /artifacts/${hash} HTTP/1.1\r\nhost: coordinator\r\n\r\n`);
        await once(socket, 'readable');
      }
      expect(kept() - before).toBeLessThan(model.length);
    } finally {
      for (const socket of sockets) socket.destroy();
      await listening.close();
    }
  });
});
