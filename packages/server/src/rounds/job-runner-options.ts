import type { KeyPair, Primitives, RandomSource, RevocationList } from '@tutti/shared/crypto';
import type { Announcement } from '@tutti/shared/protocol';
import type { Expander, Phase } from '@tutti/shared/secagg';
import type { Sessions } from '../connection/index.js';
import type { ClientCaps } from '../ledger/client-caps.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { RoundFiles } from '../store/round-files.js';
import type { Store } from '../store/store.js';
import type { StoredTask } from '../tasks/task.js';

/** A round that is under way. */
export interface RoundProgress {
  readonly round: number;
  readonly attempt: number;
  readonly phase: Phase;
  /** Clients drawn for it. */
  readonly selected: number;
}

/** How good a model is on public rows. */
export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
}

export interface JobRunnerOptions {
  readonly job: Announcement;
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly authority: Uint8Array;
  readonly groupId: Uint8Array;
  /** The newest list of revoked certificates: each attempt is announced under it. Left out, none is known. */
  readonly revocations?: () => RevocationList | undefined;
  readonly sessions: Sessions;
  /** Everybody enrolled by now, in a fixed order: the cohorts are drawn from it. */
  readonly population: () => Promise<readonly string[]>;
  /** Of the population, clients that have withdrawn: each keeps its place in the draw, and is never drawn. */
  readonly withdrawn?: ReadonlySet<string>;
  /** Where several coordinators share it: under the lease of this job. */
  readonly store: Store;
  readonly artifacts: ArtifactFiles;
  /** Where long vectors of a round under way are kept. Left out, a crash in the middle of a round costs the round. */
  readonly files?: RoundFiles;
  /** Milliseconds for which a message may wait to be made durable together with others, while nothing depends on it. Default: 50. */
  readonly groupCommit?: number;
  readonly ledger: KeptLedger;
  /** What may be spent on one client over all jobs: whoever has no more of it is not drawn. Left out, there is no such limit here. */
  readonly caps?: ClientCaps | undefined;
  /** The randomness of one purpose. */
  readonly random: (purpose: string) => RandomSource;
  readonly seeded: boolean;
  /** None where the job trains no model. */
  readonly initialWeights: Float32Array;
  /** Model and memory of the optimiser that the job goes on from, as they were stored; over the initial weights. */
  readonly startFrom?: StoredTask;
  /** Evaluates a model on public rows, where the coordinator has any. */
  readonly evaluate?: (weights: Float32Array) => Promise<Evaluation>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly phaseDeadline: number;
  readonly grace: number;
  /** Told of every phase of every attempt, as it begins. */
  readonly observe?: (progress: RoundProgress) => void;
  /** Takes the masks off. Left out, that is done on the calling thread. */
  readonly expander?: Expander;
  /** Aborted: a round under way is left as it is, at once. The next runner takes it up. */
  readonly signal?: AbortSignal;
}
