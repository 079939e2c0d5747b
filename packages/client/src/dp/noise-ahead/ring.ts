import { TuttiError } from '@tutti/shared/errors';

/** Vectors that may lie ready: one is used while the next is drawn. */
const SLOTS = 2;

/** What a slot says where it holds no vector. Positive: the number of the vector that is in it, counted from 1. */
const EMPTY = 0;
const FAILED = -1;

/** Memory that both threads see. */
export interface RingMemory {
  /** For each slot one 32-bit word: the number of the vector that lies ready in it, or a word of its own. */
  readonly states: SharedArrayBuffer;
  /** The slots, side by side, of 32-bit whole numbers: what passes from core to core is most of what a vector costs its receiver. */
  readonly vectors: SharedArrayBuffer;
}

/** Memory for vectors of `length` numbers. */
export function ringMemory(length: number): RingMemory {
  return {
    states: new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT),
    vectors: new SharedArrayBuffer(SLOTS * length * Int32Array.BYTES_PER_ELEMENT),
  };
}

/**
 * Vectors handed from the thread that makes them to the one that uses them, in order and each once: a vector is overwritten with zeros before its
 * slot is given back, and a slot whose vector does not have the number that is due is an error.
 *
 * One side calls {@link put} only, the other {@link take} only. Both wait without giving up their thread, which pages do not allow.
 */
export class NoiseRing {
  /** Numbers of a vector. */
  readonly length: number;
  private readonly states: Int32Array;
  private readonly slots: readonly Int32Array[];
  private done = 0;

  constructor({ states, vectors }: RingMemory) {
    this.states = new Int32Array(states);
    const all = new Int32Array(vectors);
    this.length = all.length / SLOTS;
    this.slots = Array.from({ length: SLOTS }, (_, slot) =>
      all.subarray(slot * this.length, (slot + 1) * this.length),
    );
  }

  /** Waits for an empty slot, and marks it ready once `fill` has filled it. What `fill` throws is told the other side, and thrown. */
  put(fill: (vector: Int32Array) => void): void {
    const [slot, vector] = this.next();
    while (Atomics.load(this.states, slot) !== EMPTY) {
      Atomics.wait(this.states, slot, Atomics.load(this.states, slot));
    }
    try {
      fill(vector);
    } catch (error) {
      this.mark(slot, FAILED);
      throw error;
    }
    this.done++;
    this.mark(slot, this.done);
  }

  /**
   * Waits for the next vector and hands it to `use`.
   *
   * @param patience - milliseconds
   * @throws TuttiError `dp.noise-thread` when it does not come, or is not the one that is due: then `use` is not called
   */
  take(patience: number, use: (vector: Int32Array) => void): void {
    const [slot, vector] = this.next();
    Atomics.wait(this.states, slot, EMPTY, patience);
    const number = Atomics.load(this.states, slot);
    if (number !== this.done + 1) {
      throw noiseMissing(number === EMPTY ? `has not come within ${patience / 1000} seconds` : 'failed');
    }
    this.done++;
    try {
      use(vector);
    } finally {
      vector.fill(0);
      this.mark(slot, EMPTY);
    }
  }

  /** Overwrites every vector. The other side must have ended. */
  wipe(): void {
    for (const vector of this.slots) vector.fill(0);
    for (let slot = 0; slot < SLOTS; slot++) this.mark(slot, FAILED);
  }

  private next(): readonly [number, Int32Array] {
    const slot = this.done % SLOTS;
    const vector = this.slots[slot];
    if (vector === undefined) throw new Error('The ring has fewer slots than it counts.');
    return [slot, vector];
  }

  private mark(slot: number, state: number): void {
    Atomics.store(this.states, slot, state);
    Atomics.notify(this.states, slot);
  }
}

/** What a step without noise is refused with. */
export function noiseMissing(what: string, cause?: unknown): TuttiError {
  return new TuttiError(
    'dp.noise-thread',
    `The thread that draws the noise ${what}: the step is given up, for without noise it must not be.`,
    'Start the training anew; where this happens again, look whether the machine has memory left.',
    { cause },
  );
}
