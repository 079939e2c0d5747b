// The origin that a page and its coordinator share: the page's files at /page/, and everything else of the coordinator, sockets included.
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import { connect } from 'node:tls';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('../../examples/browser/', import.meta.url));
const types = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/**
 * @param {{ certificate: string, key: string }} tls - PEM
 * @param {{ bundle: string, coordinator: number, authority: string }} options - folder of the built client; port of the coordinator, and who
 * made its certificate
 */
export async function servePage({ certificate, key }, { bundle, coordinator, authority }) {
  const upstream = { host: '127.0.0.1', port: coordinator, servername: 'localhost', ca: authority };
  const server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
    const path = normalize(new URL(incoming.url, 'https://localhost').pathname);
    if (path.startsWith('/page/')) {
      const name = path.slice(6) || 'index.html';
      const file = name.startsWith('tutti/') ? join(bundle, name.slice(6)) : join(page, name);
      readFile(file).then(
        (bytes) =>
          outgoing.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' }).end(bytes),
        () => outgoing.writeHead(404).end(),
      );
      return;
    }
    const { method, headers } = incoming;
    const forwarded = request({ ...upstream, path: incoming.url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  server.on('upgrade', (incoming, socket, head) => {
    const far = connect({ ...upstream, ALPNProtocols: ['http/1.1'] }, () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
        lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
      }
      far.write(`${lines.join('\r\n')}\r\n\r\n`);
      far.write(head);
      far.pipe(socket).pipe(far);
    });
    for (const end of [far, socket]) end.on('error', () => [far, socket].forEach((each) => each.destroy()));
    socket.on('close', () => far.destroy());
    far.on('close', () => socket.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, close: () => server.closeAllConnections() ?? server.close() };
}
