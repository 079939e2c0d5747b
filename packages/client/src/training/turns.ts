/** Milliseconds of work after which the event loop gets its turn, so that sockets keep their heartbeat and a signal is heard. */
const longestStretch = 25;

/** Lets the event loop have its turn during long computations. */
export class Turns {
  private begun = performance.now();

  /** @param resume - takes up again what others may have changed meanwhile, such as the current backend */
  constructor(private readonly resume: () => void = () => undefined) {}

  /** Whether the current stretch of work has lasted long enough. */
  get due(): boolean {
    return performance.now() - this.begun > longestStretch;
  }

  async take(): Promise<void> {
    await nextTurn();
    this.resume();
    this.begun = performance.now();
  }
}

/** The next turn of the event loop. Browsers have no `setImmediate`, and hold timers of hidden pages back, but not messages. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
