import { useBackend } from './backends.js';
import type { TensorFlow, TensorFlowBackend } from './library.js';

/** Milliseconds of work after which the event loop gets its turn, so that sockets keep their heartbeat. */
const longestStretch = 25;

/** Lets the event loop have its turn during long computations, and takes the backend up again afterwards. */
export class Turns {
  private begun = performance.now();

  constructor(
    private readonly tf: TensorFlow,
    private readonly backend: TensorFlowBackend,
  ) {}

  /** To be called between steps: most calls do nothing. */
  async yieldIfDue(): Promise<void> {
    if (performance.now() - this.begun <= longestStretch) return;
    await this.tf.nextFrame();
    useBackend(this.tf, this.backend);
    this.begun = performance.now();
  }
}
