// A noise thread of a test: draws from a seed, as test/support/seeded-random.ts does, and ends itself or fails when the test says so.
import { Buffer } from 'node:buffer';
import { createCipheriv, createHash } from 'node:crypto';
import { URLSearchParams } from 'node:url';
import { workerData } from 'node:worker_threads';
import { drawAhead } from '../../../../packages/client/dist/dp/noise-ahead/draw-ahead.js';

const parameters = new URLSearchParams(process.env.NOISE_PROGRAM);
const key = createHash('sha256')
  .update(`tutti-test|${parameters.get('seed')}`)
  .digest();
const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
let bytesLeft = Number(parameters.get('bytes') ?? Infinity);

drawAhead(workerData, {
  kind: 'seeded',
  fill(bytes) {
    bytesLeft -= bytes.length;
    if (bytesLeft < 0 && parameters.has('exits')) process.exit();
    if (bytesLeft < 0) throw new Error('The generator is broken.');
    bytes.set(cipher.update(Buffer.alloc(bytes.length)));
    return bytes;
  },
});
