import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMaskAdder, randomBytes, type Keystream, type Lanes } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { primitives as web } from '@tutti/shared/crypto/web';
import {
  BLOCK,
  typeScriptKernel,
  webAssemblyKernel,
} from '../../../packages/shared/src/crypto/adder-kernels.js';
import { assemble } from '../../../packages/shared/scripts/build-adder.mjs';
import { seededRandom } from '../../support/seeded-random.js';

const random = seededRandom('adder');
const key = randomBytes(random, 32);
const LANES = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
type LaneBits = keyof typeof LANES;

function randomLanes(laneBits: LaneBits, length: number): Lanes {
  const bytes = new Uint8Array((length * laneBits) / 8);
  random.fill(bytes);
  return new LANES[laneBits](bytes.buffer);
}

/** The definition, in big integers: nothing of the code under test. */
async function reference(target: Lanes, keystream: Keystream, sign: 1 | -1): Promise<Lanes> {
  const bytes = new Uint8Array(target.byteLength);
  await keystream.read(bytes);
  const width = target.BYTES_PER_ELEMENT;
  return target.map((lane, i) => {
    let mask = 0n;
    for (let b = width - 1; b >= 0; b--) mask = (mask << 8n) | BigInt(bytes[i * width + b]!);
    return Number(BigInt.asUintN(8 * width, BigInt(lane) + BigInt(sign) * mask));
  });
}

const adders = [
  ['WebAssembly', createMaskAdder({ wasm: true })],
  ['TypeScript', createMaskAdder({ wasm: false })],
  ['whichever runs', createMaskAdder()],
] as const;

describe.each(adders)('adding masks with %s', (_, adder) => {
  describe.each([8, 16, 32] as const)('to %i-bit lanes', (laneBits) => {
    const perBlock = (8 * BLOCK) / laneBits;

    it.each([0, 1, 3, 16, 17, 650, perBlock - 1, perBlock, perBlock + 1, 2 * perBlock + 5, 9 * perBlock + 3])(
      'gives the sum and the difference modulo 2^b, for %i lanes',
      async (length) => {
        for (const sign of [1, -1] as const) {
          for (const backend of [primitives, web]) {
            const target = randomLanes(laneBits, length);
            const expected = await reference(target, primitives.keystream(key), sign);
            await adder.add(target, backend.keystream(key), sign);
            expect(Buffer.compare(new Uint8Array(target.buffer), new Uint8Array(expected.buffer))).toBe(0);
          }
        }
      },
    );

    it('touches nothing around a part of a larger array', async () => {
      const whole = randomLanes(laneBits, 100);
      const before = whole.slice();
      const part = whole.subarray(3, 60);
      const expected = await reference(part.slice(), primitives.keystream(key), 1);
      await adder.add(part, primitives.keystream(key), 1);
      expect(whole.subarray(0, 3)).toEqual(before.subarray(0, 3));
      expect(part).toEqual(expected);
      expect(whole.subarray(60)).toEqual(before.subarray(60));
    });

    it('takes many masks at once, of both kinds of key stream, and gives them back', async () => {
      const target = randomLanes(laneBits, perBlock + 77);
      const original = target.slice();
      const keys = Array.from({ length: 7 }, () => randomBytes(random, 32));
      const masks = (flip: 1 | -1) =>
        keys.map((mask, i) => ({
          keystream: (i % 3 === 0 ? web : primitives).keystream(mask),
          sign: (i % 2 === 0 ? flip : -flip) as 1 | -1,
        }));
      let expected = target.slice() as Lanes;
      for (const { keystream, sign } of masks(1)) expected = await reference(expected, keystream, sign);
      await adder.addAll(target, masks(1));
      expect(Buffer.compare(new Uint8Array(target.buffer), new Uint8Array(expected.buffer))).toBe(0);
      await adder.addAll(target, masks(-1));
      expect(Buffer.compare(new Uint8Array(target.buffer), new Uint8Array(original.buffer))).toBe(0);
    });
  });

  it('goes on in the key stream where the last call stopped', async () => {
    const whole = new Uint16Array(1000);
    await adder.add(whole, primitives.keystream(key), 1);
    for (const backend of [primitives, web]) {
      const pieces = new Uint16Array(1000);
      const keystream = backend.keystream(key);
      await adder.add(pieces.subarray(0, 7), keystream, 1);
      await adder.add(pieces.subarray(7, 8), keystream, 1);
      await adder.add(pieces.subarray(8), keystream, 1);
      expect(pieces).toEqual(whole);
    }
  });

  it('keeps apart calls that overlap in time', async () => {
    const keys = Array.from({ length: 6 }, () => randomBytes(random, 32));
    const one = new Uint32Array(50_000);
    const other = new Uint32Array(50_000);
    await Promise.all(
      keys.flatMap((mask) => [
        adder.add(one, web.keystream(mask), 1),
        adder.add(other, web.keystream(mask), -1),
      ]),
    );
    const alone = new Uint32Array(50_000);
    for (const mask of keys) await adder.add(alone, primitives.keystream(mask), 1);
    expect(Buffer.compare(new Uint8Array(one.buffer), new Uint8Array(alone.buffer))).toBe(0);
    for (const mask of keys) await adder.add(other, primitives.keystream(mask), 1);
    expect(other.every((lane) => lane === 0)).toBe(true);
  });

  it('fails where the key stream fails', async () => {
    const broken: Keystream = { read: () => Promise.reject(new Error('no engine')) };
    await expect(adder.add(new Uint8Array(4), broken, 1)).rejects.toThrow('no engine');
  });
});

describe('the two kernels', () => {
  it('give the same bits for any two blocks', () => {
    const kernels = [webAssemblyKernel(), typeScriptKernel()];
    // Bytes at the edges of lanes are where a carry could go astray.
    const edge = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0x81, 0xff);
    const block = fc.array(fc.oneof(edge, fc.nat(255)), { minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(
        block,
        block,
        fc.constantFrom(8, 16, 32),
        fc.constantFrom(1, -1),
        (a, b, laneBits, sign) => {
          const [wasm, typescript] = kernels.map((kernel) => {
            const memory = new Uint8Array(kernel.page);
            memory.set(a);
            memory.set(b, BLOCK);
            kernel.combine(64, laneBits, sign);
            return memory.slice(0, 64);
          });
          expect(typescript).toEqual(wasm);
        },
      ),
      { seed: 7, numRuns: 1000 },
    );
  });

  it('hold the committed WebAssembly to its source', async () => {
    const folder = new URL('../../../packages/shared/src/crypto/', import.meta.url);
    const rebuilt = await assemble(await readFile(new URL('adder.wat', folder), 'utf8'));
    expect(rebuilt).toBe(await readFile(new URL('adder.wasm.ts', folder), 'utf8'));
  });
});

describe('an engine without WebAssembly', () => {
  it('gets the TypeScript kernel unless WebAssembly is insisted on', async () => {
    const { WebAssembly: present } = globalThis;
    try {
      Object.defineProperty(globalThis, 'WebAssembly', {
        value: undefined,
        configurable: true,
        writable: true,
      });
      const target = new Uint16Array(100);
      await createMaskAdder().add(target, primitives.keystream(key), 1);
      expect(target).toEqual(await reference(new Uint16Array(100), primitives.keystream(key), 1));
      expect(() => createMaskAdder({ wasm: true })).toThrow(
        expect.objectContaining({ code: 'crypto.no-simd' }),
      );
    } finally {
      Object.defineProperty(globalThis, 'WebAssembly', {
        value: present,
        configurable: true,
        writable: true,
      });
    }
  });
});
