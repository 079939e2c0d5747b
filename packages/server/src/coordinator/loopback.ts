const LOOPBACK = /^(127(\.\d{1,3}){3}|\[?::1\]?|localhost)$/;

/** Whether a host's name is this machine's own, so that nobody else can listen in. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
