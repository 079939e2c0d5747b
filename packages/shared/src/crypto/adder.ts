import { Refusal } from '../errors.js';
import { BLOCK, typeScriptKernel, webAssemblyKernel, type AdderKernel } from './adder-kernels.js';
import { laneBitsOf, laneBytes, type LaneBits, type Lanes } from './lanes.js';
import type { Keystream } from './primitives.js';

/** One mask of a vector: `+1` adds the key stream, `-1` takes it off. */
export interface Mask {
  readonly keystream: Keystream;
  readonly sign: 1 | -1;
}

/** Adds key streams into vectors, lane by lane modulo 2^8, 2^16 or 2^32. */
export interface MaskAdder {
  /**
   * Adds the next `target.byteLength` bytes of the key stream, read as little-endian lanes, to `target` in place, or
   * takes them off. Calls may overlap in time: additions to one target commute.
   */
  add(target: Lanes, keystream: Keystream, sign: 1 | -1): Promise<void>;

  /**
   * The same for many masks, block by block, so that the target stays in the processor's cache: for a long vector much
   * faster than mask by mask.
   */
  addAll(target: Lanes, masks: readonly Mask[]): Promise<void>;
}

/** How much is asked at once of a key stream that answers by promise: its calls are dear, whatever their length. */
const READ_AHEAD = 8 * BLOCK;

/**
 * @param options.wasm - true insists on WebAssembly, false on TypeScript; left out, WebAssembly is used where it runs.
 * Both give the same bits.
 * @throws {Refusal} `crypto.big-endian` on a host that stores integers with the highest byte first, `crypto.no-simd`
 * where WebAssembly is insisted on and cannot run.
 */
export function createMaskAdder(options: { readonly wasm?: boolean } = {}): MaskAdder {
  requireLittleEndian();
  const adder = new BlockAdder(chooseKernel(options.wasm));
  return {
    add: (target, keystream, sign) => adder.addAll(target, [{ keystream, sign }]),
    addAll: (target, masks) => adder.addAll(target, masks),
  };
}

interface SynchronousMask extends Mask {
  readonly keystream: Keystream & Required<Pick<Keystream, 'readSync'>>;
}

/** All use of the kernel's page lies between two awaits, so that calls which overlap cannot mix up their blocks. */
class BlockAdder {
  private readonly targetBlock: Uint8Array;
  private readonly streamBlock: Uint8Array;

  constructor(private readonly kernel: AdderKernel) {
    this.targetBlock = new Uint8Array(kernel.page, 0, BLOCK);
    this.streamBlock = new Uint8Array(kernel.page, BLOCK, BLOCK);
  }

  async addAll(target: Lanes, masks: readonly Mask[]): Promise<void> {
    const bytes = laneBytes(target);
    const laneBits = laneBitsOf(target);
    this.addSynchronous(bytes, laneBits, masks.filter(isSynchronous));
    for (const mask of masks) if (!isSynchronous(mask)) await this.addAsynchronous(bytes, laneBits, mask);
    // The end of the last mask would lie in the page until the next.
    this.streamBlock.fill(0);
  }

  private addSynchronous(target: Uint8Array, laneBits: LaneBits, masks: readonly SynchronousMask[]): void {
    if (masks.length === 0) return;
    for (let at = 0; at < target.length; at += BLOCK) {
      const block = target.subarray(at, at + BLOCK);
      const stream = this.streamBlock.subarray(0, block.length);
      this.targetBlock.set(block);
      for (const { keystream, sign } of masks) {
        keystream.readSync(stream);
        this.kernel.combine(block.length, laneBits, sign);
      }
      block.set(this.targetBlock.subarray(0, block.length));
    }
  }

  private async addAsynchronous(
    target: Uint8Array,
    laneBits: LaneBits,
    { keystream, sign }: Mask,
  ): Promise<void> {
    const piece = new Uint8Array(Math.min(READ_AHEAD, target.length));
    for (let from = 0; from < target.length; from += piece.length) {
      const length = Math.min(piece.length, target.length - from);
      await keystream.read(piece.subarray(0, length));
      for (let at = 0; at < length; at += BLOCK) {
        const stream = piece.subarray(at, Math.min(at + BLOCK, length));
        const block = target.subarray(from + at, from + at + stream.length);
        this.targetBlock.set(block);
        this.streamBlock.set(stream);
        this.kernel.combine(block.length, laneBits, sign);
        block.set(this.targetBlock.subarray(0, block.length));
      }
    }
  }
}

function isSynchronous(mask: Mask): mask is SynchronousMask {
  return mask.keystream.readSync !== undefined;
}

function chooseKernel(wasm: boolean | undefined): AdderKernel {
  if (wasm === false) return typeScriptKernel();
  try {
    return webAssemblyKernel();
  } catch (refusal) {
    if (wasm === true) throw refusal;
    return typeScriptKernel();
  }
}

/** Lanes are summed as the host stores them, and the key stream is little-endian. */
function requireLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return;
  throw new Refusal(
    'crypto.big-endian',
    'This host stores integers with the highest byte first; masks are defined on the other order.',
    'Run this party on a little-endian host (x86, ARM, RISC-V and WebAssembly are).',
  );
}
