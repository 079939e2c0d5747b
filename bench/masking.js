/**
 * How fast masks are expanded and added, against the key stream alone:
 *
 *   npm run build && node bench/masking.js
 *
 * Prints, for each way, gigabytes of mask a second and the ratio to AES-256-CTR through node:crypto with nothing added
 * (chunks of 64 KiB, same run, the ways taking turns; the best of all turns counts, as the machine may be shared).
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { createMaskAdder } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';

const TURNS = 15;
const BYTES = 4_000_000;
const MASKS = 16;

const zeros = new Uint8Array(65536);
const keys = Array.from({ length: MASKS }, () => randomBytes(32));
const masks = () =>
  keys.map((key, i) => ({ keystream: primitives.keystream(key), sign: i % 2 === 0 ? 1 : -1 }));
const target = new Uint32Array(BYTES / 4);

const wasm = createMaskAdder({ wasm: true });
const typescript = createMaskAdder({ wasm: false });

const ways = {
  'AES-256-CTR alone': () => {
    for (const key of keys) {
      const cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
      for (let left = BYTES; left > 0; left -= zeros.length)
        cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
    }
  },
  'many masks at once, WebAssembly': () => wasm.addAll(target, masks()),
  'mask by mask, WebAssembly': async () => {
    for (const { keystream, sign } of masks()) await wasm.add(target, keystream, sign);
  },
  'many masks at once, TypeScript': () => typescript.addAll(target, masks()),
};

const best = Object.fromEntries(Object.keys(ways).map((name) => [name, 0]));
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    await run();
    best[name] = Math.max(best[name], (BYTES * MASKS) / (performance.now() - start) / 1e6);
  }
}

console.log(`${MASKS} masks of ${BYTES} bytes, 32-bit lanes`);
const aes = best['AES-256-CTR alone'];
for (const [name, rate] of Object.entries(best)) {
  console.log(`${name.padEnd(34)}${rate.toFixed(2).padStart(6)} GB/s   ratio ${(rate / aes).toFixed(2)}`);
}

const small = new Uint16Array(650);
const start = performance.now();
for (let i = 0; i < 1600; i++) await wasm.add(small, primitives.keystream(keys[i % MASKS]), 1);
console.log(`1600 masks of 1.3 kB: ${(performance.now() - start).toFixed(1)} ms`);
