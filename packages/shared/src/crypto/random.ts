/**
 * Where random bytes come from. Everything that protects a person (keys, seeds, shares, noise, rounding, sampling of
 * cohorts) draws from one of these, handed in by the shell.
 *
 * `system` is the operating system's cryptographic generator. `seeded` can be recomputed by whoever knows the seed:
 * it exists for simulation and tests only, lives outside this package, and every statement made from it says so.
 */
export interface RandomSource {
  readonly kind: 'system' | 'seeded';
  /** Fills `bytes` whole with fresh random bytes and returns it. */
  fill(bytes: Uint8Array): Uint8Array;
}

/** `length` fresh random bytes. */
export function randomBytes(source: RandomSource, length: number): Uint8Array {
  return source.fill(new Uint8Array(length));
}

/** A uniform double in [0, 1) with 53 random bits. For decisions whose exact law no privacy proof rests on. */
export function uniform(source: RandomSource): number {
  const bytes = source.fill(new Uint8Array(8));
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return (view.getUint32(0, true) * 0x200000 + (view.getUint32(4, true) >>> 11)) / 2 ** 53;
}

/** Draws uniform doubles as {@link uniform} does, but reads the source in blocks. */
export function uniformStream(source: RandomSource, block = 1024): () => number {
  const bytes = new Uint8Array(block * 8);
  const view = new DataView(bytes.buffer);
  let next = block;
  return () => {
    if (next === block) {
      source.fill(bytes);
      next = 0;
    }
    const at = next++ * 8;
    return (view.getUint32(at, true) * 0x200000 + (view.getUint32(at + 4, true) >>> 11)) / 2 ** 53;
  };
}
