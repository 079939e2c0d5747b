import { trainingOfRound } from '@tutti/shared/learning';
import type { KnownJob } from './library.js';
import type { Examples, Trainer } from './training/trainer.js';

/** What one round asks of a client's data. */
export interface Task {
  readonly known: KnownJob;
  readonly round: number;
  /** The global weights, as many as the vector is to have numbers. Not to be changed. */
  readonly model: Float32Array;
  /** Draws from [0, 1), for the order of the rows. */
  readonly uniform: () => number;
  /** Aborted when the round is left: nobody waits for the vector any more. */
  readonly signal: AbortSignal;
}

/** What a client does with its own data in a round. Whatever it gives is clipped, noised and masked before it leaves. */
export interface Work {
  /**
   * The vector of a round: for training, the local weights minus the global ones.
   * @returns `plan.dimension` numbers
   */
  contribute(task: Task): Promise<Float32Array>;
}

/** Work that trains the job’s model on labelled rows. Rows and trainer are asked for in every round, so that they may change between rounds. */
export function trainOn(
  examples: (job: KnownJob) => Promise<Examples> | Examples,
  trainer: (job: KnownJob) => Promise<Trainer> | Trainer,
): Work {
  return {
    async contribute({ known, round, model, uniform, signal }) {
      const rows = await examples(known);
      const chosen = await trainer(known);
      signal.throwIfAborted();
      const { training, rounds } = known.job;
      const trained = await chosen.train(model, rows, trainingOfRound(training, round, rounds), uniform, {
        signal,
      });
      return trained.map((weight, index) => weight - (model[index] ?? 0));
    },
  };
}
