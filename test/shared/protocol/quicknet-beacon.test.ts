import { describe, expect, it } from 'vitest';
import { toHex } from '@tutti/shared/crypto';
import { quicknetBeacon, type QuicknetOptions } from '@tutti/shared/protocol';
import recorded from '../../vectors/drand/quicknet.json' with { type: 'json' };

const { round, signature, randomness } = recorded[0]!;
const PUBLISHED = (1_692_803_367 + (round - 1) * 3) * 1000;
const good = { round, signature, randomness };
const unavailable = expect.objectContaining({ code: 'beacon.unavailable' }) as Error;

type Relay = (at: number) => unknown;

/** A beacon whose clock moves on only where somebody waits. Relays answer at once; one that returns nothing never answers. */
function scene(relays: readonly Relay[], start: number, changes: Partial<QuicknetOptions> = {}) {
  let time = start;
  const asked: { relay: number; at: number }[] = [];
  const beacon = quicknetBeacon({
    relays: relays.map((relay, index) => (wanted) => {
      expect(wanted).toBe(round);
      asked.push({ relay: index, at: time - PUBLISHED });
      const answer = relay(time);
      return answer === undefined ? new Promise(() => undefined) : Promise.resolve(answer);
    }),
    now: () => time,
    wait: (milliseconds) =>
      new Promise((resolve) =>
        setImmediate(() => {
          time += milliseconds;
          resolve();
        }),
      ),
    ...changes,
  });
  return { beacon, asked, elapsed: () => time - start };
}

const fails: Relay = () => {
  throw new Error('no network');
};

describe('quicknet as a beacon', () => {
  it('says when a value comes out', () => {
    const { beacon } = scene([], 0);
    expect(beacon.publishedAt(1)).toBe(1_692_803_367_000);
    expect(beacon.publishedAt(round)).toBe(PUBLISHED);
    for (const wrong of [0, -5, 1.5, Number.NaN]) expect(beacon.publishedAt(wrong)).toBeNaN();
  });

  it('gives the value, and asks nobody before it is out', async () => {
    const { beacon, asked } = scene([() => good], PUBLISHED - 60_000);
    expect(toHex(await beacon.value(round))).toBe(randomness);
    expect(asked).toEqual([{ relay: 0, at: 0 }]);
  });

  it.each<[string, Relay]>([
    ['cannot be reached', fails],
    ['never answers', () => undefined],
    ['answers with another signature', () => ({ ...good, signature: recorded[1]!.signature })],
    ['answers with another round', () => ({ ...recorded[1]! })],
    ['answers with another round under this one’s number', () => ({ ...recorded[1]!, round })],
    ['answers with nonsense', () => 'nonsense'],
    ['answers with null', () => null],
  ])('passes over a relay that %s', async (_, bad) => {
    const { beacon, elapsed } = scene([bad, () => good], PUBLISHED);
    expect(toHex(await beacon.value(round))).toBe(randomness);
    expect(elapsed()).toBeLessThanOrEqual(3_000);
  });

  it('computes the value from the signature, whatever randomness a relay names', async () => {
    const { beacon } = scene([() => ({ ...good, randomness: 'ab'.repeat(32) })], PUBLISHED);
    expect(toHex(await beacon.value(round))).toBe(randomness);
  });

  it('asks again where relays have the value a little later', async () => {
    const { beacon, asked } = scene([(at) => (at < PUBLISHED + 2_500 ? null : good)], PUBLISHED);
    expect(toHex(await beacon.value(round))).toBe(randomness);
    expect(asked.length).toBeGreaterThan(1);
  });

  it.each<[string, Relay[]]>([
    ['no relay can be reached', [fails, fails]],
    ['no relay ever answers', [() => undefined, () => undefined]],
    ['every relay lies', [() => ({ ...recorded[1]!, round })]],
    ['there is no relay', []],
  ])('gives up by itself in bounded time where %s', async (_, relays) => {
    const { beacon, elapsed } = scene(relays, PUBLISHED - 1_000);
    await expect(beacon.value(round)).rejects.toThrow(unavailable);
    expect(elapsed()).toBeGreaterThanOrEqual(20_000);
    expect(elapsed()).toBeLessThanOrEqual(21_000 + 3_000);
  });

  it('does not wait for a value that is long in coming', async () => {
    const { beacon, elapsed, asked } = scene([() => good], PUBLISHED - 600_001);
    await expect(beacon.value(round)).rejects.toThrow(unavailable);
    await expect(beacon.value(Number.NaN)).rejects.toThrow(unavailable);
    expect(elapsed()).toBe(0);
    expect(asked).toEqual([]);
  });

  it('tells a relay that nobody waits for it any more', async () => {
    const signals: AbortSignal[] = [];
    const { beacon } = scene([], PUBLISHED, {
      relays: [
        (_, signal) => {
          signals.push(signal);
          return new Promise(() => undefined);
        },
        () => Promise.resolve(good),
      ],
    });
    await beacon.value(round);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
