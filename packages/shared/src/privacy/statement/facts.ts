import type { LedgerEntry } from '../ledger/index.js';
import type { EncodingPlan } from '../mechanism/index.js';

/** What a statement is made from. Everything about ε is recomputed from the ledger; nothing that is told here can lower it. */
export interface StatementFacts {
  readonly job: {
    readonly name: string;
    readonly purpose: string;
    /** Who answers for the processing. */
    readonly controller: string;
    /** Where the people are, or whose law applies. */
    readonly region?: string;
    /** SHA-256 of the job as announced, hex: its name in the ledger. */
    readonly hash: string;
  };
  /** What is released after every round. Default: a model. */
  readonly released?: 'model' | 'statistics' | 'evaluation';
  readonly model: {
    /** SHA-256 of the final model, or of the statistics, hex. */
    readonly hash: string;
    readonly description: string;
  };
  readonly plan: EncodingPlan;
  /** Where the unit is an example: how its gradients are bounded. */
  readonly example?: { readonly clipNorm: number };
  /** A round with fewer survivors is aborted. */
  readonly minimumCohort: number;
  /** The whole ledger, or at least all entries of the job. */
  readonly ledger: readonly LedgerEntry[];
  readonly software: {
    readonly name: string;
    readonly version: string;
    /** Where the code can be read. */
    readonly source?: string;
  };
  /** Who vouches that a client is a client: where the coordinator does, it could enrol clients of its own making. */
  readonly enrolment: 'independent' | 'coordinator';
  /** Released apart from the model after every round. */
  readonly alsoReleased?: readonly string[];
  /** Released without any noise. */
  readonly unprotected?: readonly string[];
  /** Uses of the same data outside this ledger. */
  readonly otherDataAccesses?: readonly { readonly what: string; readonly accounted: boolean }[];
  /** Earlier jobs on the same clients, with what they cost. */
  readonly earlierJobs?: readonly {
    readonly job: string;
    readonly epsilon: number;
    readonly delta: number;
  }[];
  /** A lower bound on ε that an attack on this very job has shown. */
  readonly audit?: {
    readonly method: string;
    readonly epsilonLower: number;
    readonly confidence: number;
    /** The ε that was put to the test. */
    readonly claimed?: number;
    /** Whether the model is held back where the claim is refuted. */
    readonly withholds?: boolean;
  };
  readonly justification?: string;
  readonly reviewer?: string;
  readonly signature?: string;
}
