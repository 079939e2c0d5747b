import { z } from 'zod';
import { fromHex, QUICKNET, quicknetValue } from '../crypto/index.js';
import { Refusal } from '../errors.js';
import type { BeaconSource } from '../secagg/index.js';

/** What a relay of drand answers. Its `randomness` is not read: who verifies the signature computes it. */
const answerSchema = z.object({
  round: z.int().min(1),
  signature: z.string().regex(/^[0-9a-f]{96}$/),
});

export interface QuicknetOptions {
  /** Relays in the order in which they are asked. Each gets a round's number, and a signal after which nobody waits for it. */
  readonly relays: readonly ((round: number, signal: AbortSignal) => Promise<unknown>)[];
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Milliseconds after its publication for which a value is asked for. Default 20,000. */
  readonly patience?: number;
  /** Milliseconds for which one relay is waited for. Default 3,000. */
  readonly perRelay?: number;
  /** Longest time in milliseconds to wait for a publication: who waits holds secrets. Default ten minutes. */
  readonly longestWait?: number;
}

/** Between two tours of the relays. */
const PAUSE = 1000;

/**
 * drand's network quicknet as a beacon. A value counts by its signature alone, so that relays can withhold it and nothing else. It gives up
 * by itself: a client that waits for a value is deaf, and holds its secrets.
 */
export function quicknetBeacon(options: QuicknetOptions): BeaconSource {
  const { relays, now, wait, patience = 20_000, perRelay = 3_000, longestWait = 600_000 } = options;
  const publishedAt = (round: number) =>
    Number.isSafeInteger(round) && round >= 1
      ? (QUICKNET.genesis + (round - 1) * QUICKNET.period) * 1000
      : Number.NaN;

  const ask = async (relay: QuicknetOptions['relays'][number], round: number, until: number) => {
    const limit = new AbortController();
    const answer = Promise.resolve().then(() => relay(round, limit.signal));
    // Seen below, or of no interest any more.
    answer.catch(() => undefined);
    try {
      const late = wait(Math.min(perRelay, until - now())).then(() => undefined);
      const parsed = answerSchema.safeParse(await Promise.race([answer, late]));
      if (!parsed.success || parsed.data.round !== round) return undefined;
      return await quicknetValue(round, fromHex(parsed.data.signature));
    } catch {
      return undefined;
    } finally {
      limit.abort();
    }
  };

  return {
    chain: QUICKNET.chain,
    publicKey: QUICKNET.publicKey,
    publishedAt,
    async value(round) {
      const published = publishedAt(round);
      if (!(published - now() <= longestWait)) throw unavailable('it comes out too late to be waited for');
      const until = Math.max(published, now()) + patience;
      if (now() < published) await wait(published - now());
      while (now() < until) {
        for (const relay of relays) {
          if (now() >= until) break;
          const value = await ask(relay, round, until);
          if (value !== undefined) return value;
        }
        await wait(Math.min(PAUSE, Math.max(0, until - now())));
      }
      throw unavailable('no relay gave it in time, signed by the network');
    },
  };
}

function unavailable(why: string): Refusal {
  return new Refusal(
    'beacon.unavailable',
    `The value of the randomness beacon could not be had: ${why}.`,
    'Check the connection to the relays and the clock, or run rounds whose graph the clients seed (ring-reveal).',
  );
}
