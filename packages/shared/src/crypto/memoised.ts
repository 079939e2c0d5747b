import { bytesKey } from './bounded-cache.js';
import type { Primitives } from './primitives.js';

/** Primitives that remember, until told to forget. */
export type MemoisedPrimitives = Primitives & {
  /** Drops all that is remembered, secrets included. To be called when the parties' keys are: after a round. */
  forget(): void;
};

/**
 * For many virtual clients in one process: remembers which signatures were checked, and what two keys agree on, so that
 * N clients that check the same N signatures cost N checks, and the two ends of a pair cost one agreement. Results are
 * those of `primitives` to the bit.
 *
 * It keeps every secret key and agreed secret that passes through it, so it is for simulations, never for a deployed
 * party.
 */
export function memoised(primitives: Primitives): MemoisedPrimitives {
  const publicKeys = new Map<string, Promise<Uint8Array>>();
  const agreements = new Map<string, Promise<Uint8Array>>();
  const verdicts = new Map<string, Promise<boolean>>();

  const publicKeyOf = (secretKey: Uint8Array) =>
    remember(publicKeys, bytesKey(secretKey), () => primitives.agreementPublicKey(secretKey));

  return {
    ...primitives,

    async agreementKeyPair(random) {
      const pair = await primitives.agreementKeyPair(random);
      publicKeys.set(bytesKey(pair.secretKey), Promise.resolve(pair.publicKey.slice()));
      return pair;
    },

    agreementPublicKey: async (secretKey) => (await publicKeyOf(secretKey)).slice(),

    async agree(secretKey, publicKey) {
      const ends = [bytesKey(await publicKeyOf(secretKey)), bytesKey(publicKey)].sort();
      const agreed = await remember(agreements, ends.join(''), () => primitives.agree(secretKey, publicKey));
      // A copy, because whoever asked may wipe it.
      return agreed.slice();
    },

    verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return Promise.resolve(false);
      const asked = bytesKey(publicKey) + bytesKey(signature) + bytesKey(primitives.sha256(message));
      return remember(verdicts, asked, () => primitives.verify(publicKey, message, signature));
    },

    forget() {
      publicKeys.clear();
      agreements.clear();
      verdicts.clear();
    },
  };
}

function remember<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
