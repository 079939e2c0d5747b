import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventStream } from '@tutti/server';
import type { CoordinatorEvent } from '@tutti/server/api';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function scene() {
  const listeners = new Set<(event: CoordinatorEvent) => void>();
  let allowed = true;
  const app = new Hono().get('/', (context) =>
    eventStream(context, {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      authorize: () => (allowed ? Promise.resolve() : Promise.reject(new Error('not any more'))),
    }),
  );
  const reader = (await app.request('/')).body!.pipeThrough(new TextDecoderStream()).getReader();
  const publish = (connected: number) => {
    for (const listener of listeners) listener({ kind: 'clients', connected });
  };
  return { reader, publish, listeners, forbid: () => (allowed = false) };
}

describe('the stream of events', () => {
  it('tells what happens, and that it is still there', async () => {
    const { reader, publish } = await scene();
    publish(7);
    expect((await reader.read()).value).toBe('event: clients\ndata: {"kind":"clients","connected":7}\n\n');
    await vi.advanceTimersByTimeAsync(15_000);
    expect((await reader.read()).value).toBe(': still here\n\n');
    publish(8);
    expect((await reader.read()).value).toContain('"connected":8');
    await reader.cancel();
  });

  it('ends for whoever may not listen any more, however much happens meanwhile', async () => {
    const { reader, publish, listeners, forbid } = await scene();
    publish(1);
    await reader.read();
    forbid();
    await vi.advanceTimersByTimeAsync(15_000);
    publish(2);
    await settle();
    expect((await reader.read()).done).toBe(true);
    expect(listeners.size).toBe(0);
  });

  it('holds no more than a thousand events for whoever does not read them', async () => {
    const { publish, listeners } = await scene();
    for (let event = 0; event < 5000 && listeners.size > 0; event++) {
      publish(event);
      if (event % 100 === 0) await settle();
    }
    expect(listeners.size).toBe(0);
  });

  it('forgets whoever has gone', async () => {
    const { reader, listeners } = await scene();
    await reader.cancel();
    await settle();
    expect(listeners.size).toBe(0);
  });
});
