import { Refusal } from '../errors.js';
import { ADDER_WASM } from './adder.wasm.js';
import type { LaneBits } from './lanes.js';

/** Bytes of a vector, and of key stream, that a kernel works on at once. */
export const BLOCK = 32768;

/**
 * Sums two blocks in a page of its own: the target's at 0, the key stream's at {@link BLOCK}. The first `bytes` of the
 * target's block become the lane-wise sum or difference; what lies behind them up to whole vectors is scratch.
 */
export interface AdderKernel {
  readonly page: ArrayBufferLike;
  combine(bytes: number, laneBits: LaneBits, sign: 1 | -1): void;
}

type BlockFunction = (bytes: number) => void;

/**
 * The kernel of adder.wat, with 128-bit instructions.
 * @throws {Refusal} `crypto.no-simd` where the engine has no WebAssembly SIMD or forbids WebAssembly.
 */
export function webAssemblyKernel(): AdderKernel {
  const code = Uint8Array.from(atob(ADDER_WASM), (character) => character.charCodeAt(0));
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
    const functions = exports as Record<string, unknown> as Record<
      `${'add' | 'subtract'}${LaneBits}`,
      BlockFunction
    >;
    return {
      page: (exports['memory'] as WebAssembly.Memory).buffer,
      combine: (bytes, laneBits, sign) => functions[`${sign === 1 ? 'add' : 'subtract'}${laneBits}`](bytes),
    };
  } catch (cause) {
    throw new Refusal(
      'crypto.no-simd',
      'This engine cannot run WebAssembly with 128-bit instructions.',
      'Let the adder choose by itself, or use a newer engine.',
      { cause },
    );
  }
}

/** The top bit of every lane of a 32-bit word. */
const TOP_BITS: Record<LaneBits, number> = { 8: 0x80808080, 16: 0x80008000, 32: 0x80000000 };

/**
 * The same in TypeScript. Lanes are summed a 32-bit word at a time: without the lanes' top bits no carry leaves its
 * lane, and those bits are put right afterwards (Warren, "Hacker's Delight", 2nd edition, section 2-18).
 */
export function typeScriptKernel(): AdderKernel {
  const page = new ArrayBuffer(2 * BLOCK);
  const target = new Uint32Array(page, 0, BLOCK / 4);
  const stream = new Uint32Array(page, BLOCK, BLOCK / 4);
  return {
    page,
    combine(bytes, laneBits, sign) {
      const top = TOP_BITS[laneBits];
      const words = Math.ceil(bytes / 4);
      for (let i = 0; i < words; i++) {
        const a = target[i] ?? 0;
        const b = stream[i] ?? 0;
        target[i] =
          sign === 1
            ? ((a & ~top) + (b & ~top)) ^ ((a ^ b) & top)
            : ((a | top) - (b & ~top)) ^ ((a ^ ~b) & top);
      }
    },
  };
}
