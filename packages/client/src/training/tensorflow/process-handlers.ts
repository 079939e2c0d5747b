const events = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Runs `start` and takes away the handlers of uncaught errors that it put on the process: the WebAssembly module comes with some, which throw every error of the whole program
 * anew from inside the module, far from where it arose.
 */
export async function withoutNewHandlers<T>(start: () => Promise<T>): Promise<T> {
  // A page has no process.
  const { process: host } = globalThis as { readonly process?: NodeJS.Process };
  if (host === undefined) return start();
  const before = new Set(events.flatMap((event): unknown[] => host.rawListeners(event)));
  try {
    return await start();
  } finally {
    for (const event of events) {
      for (const listener of host.rawListeners(event)) {
        if (!before.has(listener)) host.removeListener(event, listener as (...args: unknown[]) => void);
      }
    }
  }
}
