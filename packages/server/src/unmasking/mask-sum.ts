import type { Primitives } from '@tutti/shared/crypto';
import { inProcessExpander, lanesOver, type ExpansionJob } from '@tutti/shared/secagg/masking';

/** What a thread is asked for: the sum of some masks of one length. It is moved to the thread, not copied. */
export interface MaskSumOrder {
  /** Keys of 32 bytes, one after the other. */
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Whether the mask at the same place is added (1) or taken off (-1). */
  readonly signs: Int8Array<ArrayBuffer>;
  readonly laneBits: 8 | 16 | 32;
  /** Bytes of the sum. */
  readonly length: number;
}

const KEY_LENGTH = 32;

export function orderMaskSum(
  jobs: readonly ExpansionJob[],
  laneBits: MaskSumOrder['laneBits'],
  length: number,
): MaskSumOrder {
  const keys = new Uint8Array(jobs.length * KEY_LENGTH);
  jobs.forEach(({ key }, place) => keys.set(key, place * KEY_LENGTH));
  return { keys, signs: Int8Array.from(jobs, ({ sign }) => sign), laneBits, length };
}

/** The sum, lane by lane modulo 2^laneBits, as bytes. The keys are overwritten. */
export async function sumMasks(
  primitives: Pick<Primitives, 'keystream'>,
  order: MaskSumOrder,
): Promise<Uint8Array<ArrayBuffer>> {
  const { keys, signs, laneBits, length } = order;
  const sum = new Uint8Array(length);
  const jobs = Array.from(signs, (sign, place): ExpansionJob => {
    const from = place * KEY_LENGTH;
    return { key: keys.subarray(from, from + KEY_LENGTH), sign: sign === 1 ? 1 : -1 };
  });
  try {
    await inProcessExpander(primitives).expand(jobs, lanesOver(sum, laneBits));
    return sum;
  } finally {
    keys.fill(0);
  }
}
