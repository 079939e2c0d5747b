/** Public-key operations are done on the calling thread, within the call. */
const PUBLIC_KEYS = ['agreementKeyPair', 'agreementPublicKey', 'agree', 'signingKeyPair', 'sign', 'verify'];

/**
 * Remembers what was asked of the primitives and of the expander, so that the same can be done once more, by itself and in one stretch: a call is
 * too short for a processor's clock, and others run between. Done again it finds warm caches, so that it comes out too small rather than too large.
 */
export class RecordedWork {
  #publicKeys = [];
  #masks = [];

  primitives(platform) {
    const recorded = PUBLIC_KEYS.map((name) => [
      name,
      (...values) => {
        this.#publicKeys.push(() => platform[name](...values));
        return platform[name](...values);
      },
    ]);
    return { ...platform, ...Object.fromEntries(recorded) };
  }

  expander(inner) {
    return {
      expand: (jobs, target) => {
        // Keys are wiped after use.
        const copies = jobs.map(({ key, sign }) => ({ key: key.slice(), sign }));
        this.#masks.push(() => inner.expand(copies, target.slice()));
        return inner.expand(jobs, target);
      },
    };
  }

  /**
   * Does everything again that was asked since the last time.
   * @param cost - what an action costs
   */
  async repeat(cost) {
    return { publicKeys: await repeated(this.#publicKeys, cost), masks: await repeated(this.#masks, cost) };
  }
}

function repeated(calls, cost) {
  const all = calls.splice(0);
  return cost(async () => {
    for (const call of all) await call();
  });
}
