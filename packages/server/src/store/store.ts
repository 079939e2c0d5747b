import type { LedgerEntry } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';

/** Where a job stands. */
export interface JobState {
  /** SHA-256 of the job as announced to the clients. */
  readonly job: string;
  /** Rounds completed. */
  readonly rounds: number;
  /** Attempt at the next round, counting from 0. */
  readonly attempt: number;
  /** SHA-256 of the current model. */
  readonly model: string;
  /** What the task remembers from round to round, as it serialised it (SHA-256 of an artifact). */
  readonly task: string;
}

/**
 * What a coordinator must not lose. Every method that writes has made its data durable when its promise resolves.
 * SQL engines implement it, and one contract suite holds them to it.
 */
export interface Store {
  /** Adds the next entry of the ledger: refused where its sequence number is not the next one. */
  appendLedger(entry: LedgerEntry): Promise<void>;
  /** All entries, first to last. */
  ledger(): Promise<readonly LedgerEntry[]>;
  /** The state of a job after its latest round, if it has one. */
  jobState(job: string): Promise<JobState | undefined>;
  /** Makes a round's record and the job's new state durable together. */
  recordRound(record: RoundRecord, state: JobState): Promise<void>;
  /** Sets the state of a job before its first round. */
  openJob(state: JobState): Promise<void>;
  /** Records of a job's rounds and attempts, in the order in which they happened. */
  rounds(job: string): Promise<readonly RoundRecord[]>;
  close(): Promise<void>;
}
