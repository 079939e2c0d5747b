/** Draws from [0, 1). Spreads clients in time; nothing secret rests on it. */
export function uniform(): number {
  return (globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
