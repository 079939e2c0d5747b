import type { RoundRecord } from '@tutti/shared/protocol';
import type { JobRunner, Stopped } from '../rounds/job-runner.js';
import { waited } from './waiting.js';

/** What a running job waits for, or undefined where it can begin a round. */
export type Hindrance = () => string | undefined;

export interface RunningJobOptions {
  readonly runner: Pick<JobRunner, 'stopped' | 'attempt'>;
  /** Milliseconds from the end of a round to the beginning of the next. */
  readonly pause: number;
  /** Milliseconds after which it is looked again whether the hindrance is gone. */
  readonly patience: number;
  readonly hindrance: Hindrance;
  readonly waiting: (why: string | undefined) => void;
  readonly recorded: (record: RoundRecord) => void;
}

/**
 * Makes rounds of one job until there is no further one, or until the signal says that no other shall begin: a round under way is always
 * finished.
 * @returns why there is no further round, or undefined where the signal ended it
 */
export async function runRounds(
  options: RunningJobOptions,
  signal: AbortSignal,
): Promise<Stopped | undefined> {
  const { runner, pause, patience, hindrance, waiting, recorded } = options;
  // Whether the budget still has a round in it takes a while to find out: once a round.
  let { stopped } = runner;
  while (stopped === undefined) {
    for (let why = hindrance(); why !== undefined; why = hindrance()) {
      waiting(why);
      await waited(patience, signal);
      if (signal.aborted) return undefined;
    }
    waiting(undefined);
    recorded(await runner.attempt());
    await waited(pause, signal);
    if (signal.aborted) return undefined;
    stopped = runner.stopped;
  }
  return stopped;
}
