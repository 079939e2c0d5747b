/** The calls of the primitives by what they are for. Each is done on the calling thread, within the call. */
const KINDS = {
  'public keys': ['agreementKeyPair', 'agreementPublicKey', 'agree', 'signingKeyPair', 'sign', 'verify'],
  'hashes and sealing': ['sha256', 'hkdf', 'seal', 'open'],
};

/**
 * Primitives that add up what time they take.
 * @returns them, and milliseconds by kind: `public keys`, `hashes and sealing`, `masks`
 */
export function timedPrimitives(primitives) {
  const milliseconds = { 'public keys': 0, 'hashes and sealing': 0, masks: 0 };
  const timed = (kind, action) => {
    const before = performance.now();
    try {
      return action();
    } finally {
      milliseconds[kind] += performance.now() - before;
    }
  };
  const counted = { ...primitives };
  for (const [kind, names] of Object.entries(KINDS)) {
    for (const name of names) {
      const original = primitives[name];
      counted[name] = (...values) => timed(kind, () => original(...values));
    }
  }
  counted.keystream = (key) => {
    const stream = timed('masks', () => primitives.keystream(key));
    return {
      read: (into) => timed('masks', () => stream.read(into)),
      ...(stream.readSync && { readSync: (into) => timed('masks', () => stream.readSync(into)) }),
    };
  };
  return { primitives: counted, milliseconds, timed };
}
