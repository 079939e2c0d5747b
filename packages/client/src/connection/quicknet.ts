import { toHex, QUICKNET } from '@tutti/shared/crypto';
import { quicknetBeacon } from '@tutti/shared/protocol';
import type { BeaconSource } from '@tutti/shared/secagg';

/** Relays of drand that its operators run, apart from any coordinator. */
const RELAYS = ['https://api.drand.sh', 'https://api2.drand.sh', 'https://drand.cloudflare.com'];

/** Bytes that a relay's answer may have: it has about 300. */
const LONGEST_ANSWER = 10_000;

/**
 * The randomness beacon of drand's network quicknet, over HTTPS. Whatever a relay answers, a value counts by its signature alone.
 *
 * @param relays - addresses of relays; left out, the public ones
 */
export function quicknetOverHttps(relays: readonly string[] = RELAYS): BeaconSource {
  return quicknetBeacon({
    relays: relays.map((relay) => async (round, signal) => {
      const address = new URL(`/${toHex(QUICKNET.chain)}/public/${round}`, relay);
      const response = await fetch(address, { signal, redirect: 'error' });
      if (!response.ok) throw new Error(`The relay answered ${response.status}.`);
      const text = await response.text();
      if (text.length > LONGEST_ANSWER) throw new Error('The relay answered at too great length.');
      return JSON.parse(text) as unknown;
    }),
    now: Date.now,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });
}
