import { Refusal } from '@tutti/shared/errors';
import type { CountedRounds } from '@tutti/shared/protocol';
import type { StoredTask, Task } from './task.js';

/** What sums are made for. */
export interface SumPurpose {
  /** Numbers in a sum. */
  readonly length: number;
  /** What they say, as it is released. */
  readonly released: (counted: CountedRounds) => Uint8Array;
}

/** What rounds of a job that counts are for: the sum of all their sums, and what it says. */
export class SumTask implements Task {
  private constructor(
    private readonly purpose: SumPurpose,
    private readonly counted: CountedRounds,
  ) {}

  static start(purpose: SumPurpose): SumTask {
    return new SumTask(purpose, { rounds: 0, sum: new Float64Array(purpose.length) });
  }

  /** Takes up the task where {@link toBytes} left it. @throws {Refusal} `task.shape` */
  static restore(purpose: SumPurpose, { state }: StoredTask): SumTask {
    const { length } = purpose;
    if (state.length !== 8 * (length + 1)) {
      throw new Refusal(
        'task.shape',
        'The sums that were stored are not as many as the job counts.',
        'Restore the coordinator’s artifacts from a backup.',
      );
    }
    const view = new DataView(state.buffer, state.byteOffset, state.length);
    const sum = Float64Array.from({ length }, (_, place) => view.getFloat64(8 * (place + 1), true));
    return new SumTask(purpose, { rounds: view.getFloat64(0, true), sum });
  }

  /** What is released, and the rounds and sums that it was computed from, as doubles, little-endian. */
  toBytes(): StoredTask {
    const { rounds, sum } = this.counted;
    const state = new DataView(new ArrayBuffer(8 * (sum.length + 1)));
    state.setFloat64(0, rounds, true);
    sum.forEach((value, place) => state.setFloat64(8 * (place + 1), value, true));
    return { model: this.purpose.released(this.counted), state: new Uint8Array(state.buffer) };
  }

  complete(sum: Float64Array): SumTask {
    const { rounds, sum: before } = this.counted;
    return new SumTask(this.purpose, {
      rounds: rounds + 1,
      sum: before.map((value, place) => value + (sum[place] ?? 0)),
    });
  }
}
