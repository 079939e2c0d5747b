import { describe, expect, it } from 'vitest';
import { Backoff } from '@tutti/client';

describe('waiting between tries', () => {
  it('doubles, has an end, and begins anew after a success', () => {
    const backoff = new Backoff(() => 1 - 1e-9, 1000, 300_000);
    const waits = Array.from({ length: 12 }, () => backoff.next());
    expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(Math.max(...waits)).toBe(300_000);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  it('is spread over half of its bound, so that a fleet does not come back at once', () => {
    const waits = [0, 0.5, 1 - 1e-9].map((uniform) => new Backoff(() => uniform, 1000).next());
    expect(waits).toEqual([500, 750, 1000]);
  });
});
