/**
 * Assembles src/crypto/adder.wat into src/crypto/adder.wasm.ts, which is committed so that a build needs no assembler.
 *
 *   node packages/shared/scripts/build-adder.mjs
 */
import { Buffer } from 'node:buffer';
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import wabt from 'wabt';

const SOURCE = new URL('../src/crypto/adder.wat', import.meta.url);
const TARGET = new URL('../src/crypto/adder.wasm.ts', import.meta.url);

/** The text of adder.wasm.ts for the given WebAssembly text. */
export async function assemble(wat) {
  const { parseWat } = await wabt();
  const module = parseWat('adder.wat', wat, { simd: true });
  const { buffer } = module.toBinary({ write_debug_names: false });
  module.destroy();
  return `/** adder.wat, assembled by scripts/build-adder.mjs. Base64. */
export const ADDER_WASM =
  '${Buffer.from(buffer)
    .toString('base64')
    .replace(/(.{96})(?=.)/g, "$1' +\n  '")}';
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(TARGET, await assemble(await readFile(SOURCE, 'utf8')));
}
