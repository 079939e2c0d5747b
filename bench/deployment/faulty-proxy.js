// A TCP proxy in the way of every connection that does what networks do: it delays, it goes silent, it cuts.
import { createServer, connect } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';

/**
 * @param {{ port: number, uniform: () => number, delay: number, life: number, silent: number }} options - `port`: where it leads to; `uniform`:
 * draws from 0 to 1; `delay`: milliseconds by which bytes are late at the most; `life`: mean milliseconds until a connection is cut;
 * `silent`: of the connections that end, the fraction that first pass nothing on for a while, as if every packet were dropped
 */
export async function startFaultyProxy({ port, uniform, delay, life, silent }) {
  const counts = { connections: 0, cut: 0, silent: 0 };
  const open = new Set();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const link = { near, far, silent: false };
    counts.connections++;
    open.add(link);
    const end = () => {
      clearTimeout(timer);
      open.delete(link);
      near.destroy();
      far.destroy();
    };
    const cut = () => {
      counts.cut++;
      end();
    };
    const fail = () => {
      if (uniform() >= silent) return cut();
      counts.silent++;
      link.silent = true;
      setTimeout(cut, 2000 + 4000 * uniform());
    };
    const timer = setTimeout(fail, -life * Math.log(1 - uniform()));
    pass(near, far, link);
    pass(far, near, link);
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  /** In order, each piece no earlier than the one before it. */
  const pass = (from, to, link) => {
    let due = 0;
    from.on('data', (bytes) => {
      if (link.silent) return;
      due = Math.max(due, performance.now() + delay * uniform());
      setTimeout(() => to.writable && to.write(bytes), due - performance.now());
    });
  };
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    counts,
    close: () => {
      server.close();
      for (const { near, far } of open) [near, far].forEach((socket) => socket.destroy());
    },
  };
}
