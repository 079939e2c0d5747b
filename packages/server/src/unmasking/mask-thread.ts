import { Worker } from 'node:worker_threads';
import type { MaskSumOrder } from './mask-sum.js';

interface Waiting {
  readonly resolve: (sum: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread that sums up masks, an order at a time. It is started when an order comes and there is none. */
export class MaskThread {
  #worker: Worker | undefined;
  #waiting: Waiting | undefined;

  /** @param program - the compiled `mask-worker.js` */
  constructor(private readonly program: URL) {}

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * The sum that is ordered, as bytes. Rejects with what ended the thread; the next order starts another.
   *
   * @param signal - once it is aborted the thread is ended, and its reason is the error
   */
  async sum(order: MaskSumOrder, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const worker = (this.#worker ??= this.#start());
    // With nothing to do, a thread keeps no process alive.
    worker.ref();
    const cancel = () => void this.stop(signal.reason);
    signal.addEventListener('abort', cancel);
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        worker.postMessage(order, [order.keys.buffer, order.signs.buffer]);
      });
    } finally {
      this.#waiting = undefined;
      signal.removeEventListener('abort', cancel);
      worker.unref();
    }
  }

  /** Ends the thread. Whoever waits for a sum is given the reason instead. */
  async stop(reason?: unknown): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#waiting?.reject(reason);
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.program);
    const lost = (error: unknown) => {
      if (this.#worker === worker) void this.stop(error);
    };
    return worker
      .on('message', (sum: Uint8Array) => this.#waiting?.resolve(sum))
      .on('error', lost)
      .on('exit', (code) => lost(new Error(`The thread ended with exit code ${code}.`)));
  }
}
