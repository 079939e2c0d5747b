/**
 * How fast masks are expanded and added, against the key stream alone:
 *
 *   npm run build && node bench/masking.js
 *
 * Prints, for each way, gigabytes of mask a second of processor time and the ratio to AES-256-CTR through node:crypto with nothing added
 * (chunks of 64 KiB, same run, the ways taking turns; the best of all turns counts, as the machine may be shared). For a short vector
 * and for one that no cache holds.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { createMaskAdder } from '@tutti/shared/crypto';
import { frugalKeystreams, primitives } from '@tutti/shared/crypto/primitives';
import { load, machine, timed } from './secagg/measure.js';

const MASKS = 16;
const LEAST_RATIO = 0.6;

const zeros = new Uint8Array(65536);
const keys = Array.from({ length: MASKS }, () => randomBytes(32));
const masks = ({ keystream } = primitives) =>
  keys.map((key, i) => ({ keystream: keystream(key), sign: i % 2 === 0 ? 1 : -1 }));
const wasm = createMaskAdder({ wasm: true });
const typescript = createMaskAdder({ wasm: false });

const ALONE = 'AES-256-CTR alone';
const alone = (target) => () => {
  for (const key of keys) {
    const cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
    for (let left = target.byteLength; left > 0; left -= zeros.length)
      cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
};
const onAnyThread = (target) => ({
  [ALONE]: alone(target),
  'many masks at once, WebAssembly': () => wasm.addAll(target, masks()),
  'mask by mask, WebAssembly': async () => {
    for (const { keystream, sign } of masks()) await wasm.add(target, keystream, sign);
  },
  'many masks at once, TypeScript': () => typescript.addAll(target, masks()),
});

const onThreadForMasks = (target) => {
  const frugal = frugalKeystreams();
  return {
    [ALONE]: alone(target),
    'many masks at once, WebAssembly': () => wasm.addAll(target, masks(frugal)),
  };
};

async function compare(waysOver, target, turns) {
  const ways = waysOver(target);
  const best = Object.fromEntries(Object.keys(ways).map((name) => [name, 0]));
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, run] of Object.entries(ways)) {
      const { cpu } = await timed(run);
      best[name] = Math.max(best[name], (target.byteLength * MASKS) / cpu / 1e9);
    }
  }
  console.log(
    `\n${MASKS} masks of ${target.byteLength} bytes, lanes of ${8 * target.BYTES_PER_ELEMENT} bits; load ${load()}`,
  );
  const ratio = (name) => best[name] / best[ALONE];
  for (const [name, rate] of Object.entries(best)) {
    console.log(`${name.padEnd(34)}${rate.toFixed(2).padStart(6)} GB/s   ratio ${ratio(name).toFixed(2)}`);
  }
  return ratio('many masks at once, WebAssembly');
}

console.log(machine());
const ratios = [
  await compare(onAnyThread, new Uint16Array(1_000_000), 20),
  await compare(onAnyThread, new Uint32Array(1_000_000), 15),
  await compare(onAnyThread, new Uint32Array(10_000_000), 4),
];

const small = new Uint16Array(650);
const { cpu } = await timed(async () => {
  for (let i = 0; i < 1600; i++) await wasm.add(small, primitives.keystream(keys[i % MASKS]), 1);
});
console.log(`\n1600 masks of 1.3 kB: ${(1000 * cpu).toFixed(1)} ms`);

console.log('\nAs a thread of the server does it, which gives each buffer back at once:');
ratios.push(await compare(onThreadForMasks, new Uint16Array(1_000_000), 20));

const reached = ratios.every((ratio) => ratio >= LEAST_RATIO);
console.log(`${reached ? 'All' : 'Not all'} ratios of many masks at once reach ${LEAST_RATIO}.`);
process.exitCode = reached ? 0 : 1;
