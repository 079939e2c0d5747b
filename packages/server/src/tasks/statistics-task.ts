import { Refusal } from '@tutti/shared/errors';
import { statisticsLength } from '@tutti/shared/learning';
import type { EncodingPlan } from '@tutti/shared/privacy';
import { encodeStatistics, releasedStatistics, type AnnouncedStatistics } from '@tutti/shared/protocol';
import type { StoredTask, Task } from './task.js';

/** What rounds of statistics are for: the sum of all their sums, and what it says of each column. */
export class StatisticsTask implements Task {
  private constructor(
    private readonly job: AnnouncedStatistics,
    private readonly plan: EncodingPlan,
    private readonly rounds: number,
    private readonly sum: Float64Array,
  ) {}

  static start(job: AnnouncedStatistics, plan: EncodingPlan): StatisticsTask {
    return new StatisticsTask(job, plan, 0, new Float64Array(statisticsLength(job.statistics)));
  }

  /** Takes up the task where {@link toBytes} left it. @throws {Refusal} `statistics.shape` */
  static restore(job: AnnouncedStatistics, plan: EncodingPlan, { state }: StoredTask): StatisticsTask {
    const length = statisticsLength(job.statistics);
    if (state.length !== 8 * (length + 1)) {
      throw new Refusal(
        'statistics.shape',
        'The sums that were stored are not as many as the job counts.',
        'Restore the coordinator’s artifacts from a backup.',
      );
    }
    const view = new DataView(state.buffer, state.byteOffset, state.length);
    const sum = Float64Array.from({ length }, (_, place) => view.getFloat64(8 * (place + 1), true));
    return new StatisticsTask(job, plan, view.getFloat64(0, true), sum);
  }

  /** The statistics, and the rounds and sums that they were computed from, as doubles, little-endian. */
  toBytes(): StoredTask {
    const { job, plan, rounds, sum } = this;
    const state = new DataView(new ArrayBuffer(8 * (sum.length + 1)));
    state.setFloat64(0, rounds, true);
    sum.forEach((value, place) => state.setFloat64(8 * (place + 1), value, true));
    return {
      model: encodeStatistics(releasedStatistics(job, plan, { rounds, sum })),
      state: new Uint8Array(state.buffer),
    };
  }

  complete(sum: Float64Array): StatisticsTask {
    const { job, plan, rounds } = this;
    return new StatisticsTask(
      job,
      plan,
      rounds + 1,
      this.sum.map((value, place) => value + (sum[place] ?? 0)),
    );
  }
}
