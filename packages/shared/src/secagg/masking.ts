import { createMaskAdder, type MaskAdder } from '../crypto/adder.js';
import type { LaneBits, Lanes } from '../crypto/lanes.js';
import type { Primitives } from '../crypto/primitives.js';

/** One key stream to be added to a vector (+1), or taken off it (-1). Independent of every other: jobs may be spread over workers. */
export interface ExpansionJob {
  readonly key: Uint8Array;
  readonly sign: 1 | -1;
}

/** Expands keys into masks and adds them. The dear part of a round: a server may hand in one that owns worker threads. */
export interface Expander {
  /** Adds the first `target.byteLength` bytes of each job's key stream, as little-endian lanes, to `target` in place. */
  expand(jobs: readonly ExpansionJob[], target: Lanes): Promise<void>;
}

/** Key streams that are open at once: each holds a key schedule, and all of them ought to stay in the processor's cache. */
const MOST_STREAMS = 256;

let sharedAdder: MaskAdder | undefined;

/** Expands on the calling thread. */
export function inProcessExpander(primitives: Pick<Primitives, 'keystream'>): Expander {
  return {
    async expand(jobs, target) {
      sharedAdder ??= createMaskAdder();
      for (let at = 0; at < jobs.length; at += MOST_STREAMS) {
        const some = jobs.slice(at, at + MOST_STREAMS);
        const masks = some.map(({ key, sign }) => ({ keystream: primitives.keystream(key), sign }));
        await sharedAdder.addAll(target, masks);
      }
    },
  };
}

/** A view of a vector's bytes as lanes: the same memory. Bytes that do not begin on a lane's boundary are copied. */
export function lanesOver(bytes: Uint8Array, laneBits: LaneBits): Lanes {
  const aligned = bytes.byteOffset % (laneBits / 8) === 0;
  // `slice` copies no Buffer of Node.
  const { buffer, byteOffset, byteLength } = aligned ? bytes : new Uint8Array(bytes);
  if (laneBits === 8) return new Uint8Array(buffer, byteOffset, byteLength);
  return laneBits === 16
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** Adds a vector to the sum, lane by lane modulo 2^laneBits. */
export function addLanes(sum: Lanes, vector: Lanes): void {
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (vector[index] ?? 0);
}
