import { parentPort } from 'node:worker_threads';
import { frugalKeystreams } from '@tutti/shared/crypto/primitives';
import { sumMasks, type MaskSumOrder } from './mask-sum.js';

const keystreams = frugalKeystreams();

/** The program of a thread: one sum an order. What fails here ends the thread, and is the error of whoever waits for it. */
parentPort?.on('message', (order: MaskSumOrder) => {
  void sumMasks(keystreams, order).then((sum) => parentPort?.postMessage(sum, [sum.buffer]));
});
