import type { StatisticsFile } from './statistics-file.js';
/** Privacy spent so far, after the round that the record is of. Null where no bound can be given. */
export interface PrivacySpent {
  /** ε at the job's δ against someone who sees the released models only. */
  readonly releasedModel: number;
  /** ε at the job's δ against the coordinator, for the client that took part most often. */
  readonly coordinator: number;
}

/** What one round did: one line of `rounds.jsonl`. Counts and times only, never a client's data. */
export interface RoundRecord {
  readonly round: number;
  readonly attempt: number;
  readonly outcome: 'completed' | 'aborted';
  /** Why the round was aborted. */
  readonly reason?: string;
  /** Clients drawn for the round. */
  readonly selected: number;
  /** Clients on the roster (they advertised keys). */
  readonly roster: number;
  /** Clients that shared keys: |U2|. */
  readonly sharers: number;
  /** Clients whose input is in the sum: |U3|. */
  readonly survivors: number;
  /** Clients lost, by the stage before which they were lost. */
  readonly lost: {
    readonly advertise: number;
    readonly share: number;
    readonly input: number;
    readonly unmask: number;
  };
  /** Clients that would take no part, by the code that they gave: nobody is named. Absent where nobody declined. */
  readonly declined?: Readonly<Record<string, number>>;
  /** On the public held-out rows, after the round; absent where the coordinator has none. */
  readonly loss?: number;
  readonly accuracy?: number;
  readonly epsilon: PrivacySpent;
  /** Wall-clock milliseconds by phase. */
  readonly milliseconds: {
    readonly train: number;
    readonly share: number;
    readonly input: number;
    readonly unmask: number;
    readonly evaluate: number;
    readonly total: number;
  };
  /** SHA-256 of the model after the round, hex. */
  readonly modelHash: string;
  /** SHA-256 of what the server's optimiser remembers after the round: with the model, a state to go back to. */
  readonly taskHash?: string;
}

/** SHA-256 of what a round left to go on from: the model, and what the optimiser remembered where that was noted. */
export function statesOf({
  modelHash,
  taskHash,
}: Pick<RoundRecord, 'modelHash' | 'taskHash'>): readonly string[] {
  return taskHash === undefined ? [modelHash] : [modelHash, taskHash];
}

/** What there is to say of a run of any kind. */
export interface RunFacts {
  readonly run: string;
  readonly job: string;
  readonly stopped: 'rounds' | 'budget' | 'stalled' | 'interrupted';
  readonly rounds: number;
  readonly aborted: number;
  readonly clients: number;
  readonly epsilon: PrivacySpent;
  readonly delta: number;
  readonly noiseMultiplier: number;
  readonly transport: 'memory' | 'socket';
  /** True when every protecting draw could be recomputed from a seed: then no privacy is claimed. */
  readonly seeded: boolean;
  readonly seconds: number;
  readonly directory: string;
}

/** What one shard of a simulated training came to. */
export interface ShardSummary {
  /** From 1 on. */
  readonly shard: number;
  readonly clients: number;
  readonly rounds: number;
  readonly aborted: number;
  /** Of its own clients, and of no others. */
  readonly epsilon: PrivacySpent;
  readonly noiseMultiplier: number;
  readonly delta: number;
  readonly seconds: number;
  readonly modelHash: string;
}

/** What a simulated training came to: `--json` prints one of these. */
export interface RunSummary extends RunFacts {
  readonly accuracy: number;
  readonly loss: number;
  readonly backend: string;
  /** Of several shards, the SHA-256 of the hashes of their models. */
  readonly modelHash: string;
  /** Of a job of several shards, what each came to: the model is all of theirs, and the mean of their class probabilities its answer. */
  readonly shards?: readonly ShardSummary[];
  /** Of the audit that the job requires: where it did not pass, no final model was written. */
  readonly audit?: { readonly passed: boolean; readonly epsilonLower: number; readonly claimed: number };
}

/** What a simulated job of statistics came to. */
export interface StatisticsSummary extends RunFacts {
  /** SHA-256 of its `statistics.json`, hex: by it a job that trains may standardise. */
  readonly statisticsHash: string;
  readonly columns: StatisticsFile['columns'];
}

export type AnyRunSummary = RunSummary | StatisticsSummary;
