import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { CoordinatorEvent } from '../api/schemas.js';

export interface EventStreamOptions {
  /** Calls the listener at every event, until the function that it returns is called. */
  readonly subscribe: (listener: (event: CoordinatorEvent) => void) => () => void;
  /** Throws where whoever listens may not any more: its token was taken away, or has expired. */
  readonly authorize: () => Promise<unknown>;
}

/** Milliseconds between two signs of life, before each of which it is asked again whether the listener may listen. */
const HEARTBEAT = 15_000;
const MOST_WAITING = 1000;

/** Events as they happen. A reader that falls behind by too many is cut off: it can look at the whole again. */
export function eventStream(context: Context, { subscribe, authorize }: EventStreamOptions): Response {
  return streamSSE(context, async (output) => {
    const waiting: CoordinatorEvent[] = [];
    let beats = 0;
    let wake: () => void = () => undefined;
    const beat = setInterval(() => {
      beats++;
      wake();
    }, HEARTBEAT);
    const unsubscribe = subscribe((event) => {
      // Whoever does not read holds up the write, and all that happens would pile up behind it.
      if (waiting.push(event) >= MOST_WAITING) output.abort();
      wake();
    });
    output.onAbort(() => wake());
    try {
      for (let answered = 0; !output.aborted;) {
        if (beats > answered) {
          answered = beats;
          if (!(await holds(authorize))) return;
          await output.write(': still here\n\n');
          continue;
        }
        const event = waiting.shift();
        if (event === undefined) await new Promise<void>((woken) => (wake = woken));
        else await output.writeSSE({ event: event.kind, data: JSON.stringify(event) });
      }
    } finally {
      clearInterval(beat);
      unsubscribe();
    }
  });
}

async function holds(check: () => Promise<unknown>): Promise<boolean> {
  return check().then(
    () => true,
    () => false,
  );
}
