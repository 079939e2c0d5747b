import type { IncomingMessage } from 'node:http';

/**
 * Who asks: the address of the other end, or, behind a proxy of ours, the last one that the proxy has added to `X-Forwarded-For`. Those before
 * it are whatever the client says.
 */
export function addressOf(request: IncomingMessage, behindProxy: boolean): string {
  const forwarded = behindProxy ? request.headers['x-forwarded-for'] : undefined;
  const last = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded)?.split(',').at(-1)?.trim();
  return last === undefined || last === '' ? (request.socket.remoteAddress ?? 'unknown') : last;
}
