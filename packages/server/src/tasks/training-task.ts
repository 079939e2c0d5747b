import {
  applyUpdate,
  INITIAL_OPTIMISER_STATE,
  optimiserStateFromBytes,
  optimiserStateToBytes,
  weightsFromBytes,
  weightsToBytes,
  type OptimiserState,
  type ServerOptimiser,
} from '@tutti/shared/learning';
import type { StoredTask, Task } from './task.js';

/** What a round is for: here, the mean update of a model. Pure: the round engine brings the sums, the store keeps the bytes. */
export class TrainingTask implements Task {
  private constructor(
    private readonly optimiser: ServerOptimiser,
    /** The divisor of every sum: the expected cohort, which is public. The realised one is not, so it is never used. */
    private readonly expectedCohort: number,
    readonly weights: Float32Array,
    private readonly state: OptimiserState,
  ) {}

  static start(optimiser: ServerOptimiser, expectedCohort: number, weights: Float32Array): TrainingTask {
    return new TrainingTask(optimiser, expectedCohort, weights, INITIAL_OPTIMISER_STATE);
  }

  /** Takes up the task where {@link toBytes} left it. */
  static restore(
    optimiser: ServerOptimiser,
    expectedCohort: number,
    parameters: number,
    stored: StoredTask,
  ): TrainingTask {
    return new TrainingTask(
      optimiser,
      expectedCohort,
      weightsFromBytes(stored.model, parameters),
      optimiserStateFromBytes(stored.state, parameters),
    );
  }

  toBytes(): StoredTask {
    return { model: weightsToBytes(this.weights), state: optimiserStateToBytes(this.state) };
  }

  /** The task after a round whose noisy sum of clipped updates was `sum`. */
  complete(sum: Float64Array): TrainingTask {
    const mean = sum.map((value) => value / this.expectedCohort);
    const { weights, state } = applyUpdate(this.optimiser, this.state, this.weights, mean);
    return new TrainingTask(this.optimiser, this.expectedCohort, weights, state);
  }
}
