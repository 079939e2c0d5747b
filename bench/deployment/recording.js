// What a check of exact sums needs and no client ever tells: the vector that goes into a round, clipped and noised, before it is masked. It is
// taken from outside, in clients of a bench alone; nothing that is deployed knows of it.

/**
 * @param {{ RoundPart: Function, SecAggParticipant: Function }} classes - as the client loads them
 * @param {(record: object) => void} write - gets each vector before it leaves, with whose it is and in which round
 */
export function recordVectors({ RoundPart, SecAggParticipant }, write) {
  const vectors = new WeakMap();
  const { provide } = SecAggParticipant.prototype;
  SecAggParticipant.prototype.provide = function (vector) {
    vectors.set(this, Array.from(vector));
    return provide.call(this, vector);
  };
  const { perform } = RoundPart.prototype;
  RoundPart.prototype.perform = function (joined, effects) {
    if (effects.some(({ kind }) => kind === 'charge')) {
      const { reference, identity, model } = this.options;
      const name = Array.from(identity.publicKey, (byte) => byte.toString(16).padStart(2, '0')).join('');
      write({ ...reference, model, identity: name, vector: vectors.get(joined.machine) });
    }
    return perform.call(this, joined, effects);
  };
}
