import { connect, createServer, type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP proxy that cuts its first connection once so many bytes have gone up through it, and no other. */
export async function startCuttingProxy(to: number, after: number) {
  let connections = 0;
  let passed = 0;
  const server = createServer((near) => {
    const first = connections++ === 0;
    let up = 0;
    const far = connect(to, '127.0.0.1');
    const end = () => {
      near.destroy();
      far.destroy();
    };
    near.on('data', (bytes) => {
      up += bytes.length;
      passed += bytes.length;
      if (first && up > after) end();
      else far.write(bytes);
    });
    far.on('data', (bytes) => near.write(bytes));
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Connections so far, and the bytes that came from clients over all of them. */
    counts: () => ({ connections, passed }),
  };
}
