import { parentPort } from 'node:worker_threads';
import { sumMasks, type MaskSumOrder } from './mask-sum.js';

/** The program of a thread: one sum an order. What fails here ends the thread, and is the error of whoever waits for it. */
parentPort?.on('message', (order: MaskSumOrder) => {
  void sumMasks(order).then((sum) => parentPort?.postMessage(sum, [sum.buffer]));
});
