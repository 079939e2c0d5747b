import type { RoundRecord } from '@tutti/shared/protocol';
import type { JobRunner, Stopped } from '../rounds/job-runner.js';
import { backOff, declinedBecause, type BackOff } from './back-off.js';
import { waited } from './waiting.js';

/** What a running job waits for, or undefined where it can begin a round. */
export type Hindrance = () => string | undefined;

export interface RunningJobOptions {
  readonly runner: Pick<JobRunner, 'stopped' | 'attempt' | 'exhausted'>;
  /** Milliseconds from the end of a round to the beginning of the next. */
  readonly pause: number;
  /** How long is waited after attempts that were aborted, where that is longer. */
  readonly retry: BackOff;
  /** Milliseconds after which it is looked again whether the hindrance is gone. */
  readonly patience: number;
  readonly hindrance: Hindrance;
  readonly waiting: (why: string | undefined) => void;
  readonly recorded: (record: RoundRecord) => void;
  /** Resolves after so many milliseconds, or when the signal is given. Default: by the system's clock. */
  readonly wait?: typeof waited;
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
  const { runner, pause, retry, patience, hindrance, waiting, recorded, wait = waited } = options;
  let aborted = 0;
  const isOver = () => signal.aborted;
  // Whether the budget still has a round in it takes a while to find out: once a round.
  let { stopped } = runner;
  while (stopped === undefined) {
    for (let why = hindrance(); why !== undefined; why = hindrance()) {
      waiting(why);
      await wait(patience, signal);
      if (isOver()) return undefined;
    }
    waiting(undefined);
    const record = await runner.attempt();
    recorded(record);
    aborted = record.outcome === 'aborted' ? aborted + 1 : 0;
    if (isOver()) return undefined;
    stopped = runner.stopped;
    if (stopped !== undefined) return stopped;
    const delay = aborted === 0 ? pause : Math.max(pause, backOff(retry, aborted));
    if (aborted > 0) waiting(whyAgain(record, aborted, delay, runner.exhausted.size));
    await wait(delay, signal);
    if (isOver()) return undefined;
  }
  return stopped;
}

function whyAgain(
  { reason = 'unknown', declined }: RoundRecord,
  aborted: number,
  delay: number,
  exhausted: number,
): string {
  const declining = declinedBecause(declined);
  const why = [
    reason,
    ...(declining === undefined ? [] : [`clients declined: ${declining}`]),
    ...(exhausted === 0 ? [] : [`clients that have spent what all jobs may: ${exhausted}`]),
  ].join('; ');
  return (
    `${aborted === 1 ? 'the last attempt was' : `the last ${aborted} attempts were`} aborted (${why}); ` +
    `next in ${Math.ceil(delay / 1000)} s`
  );
}
