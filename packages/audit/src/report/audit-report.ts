import type { RunAttacks } from '../attack-run.js';
import type { CanaryOpening } from '@tutti/shared/rights';
import type { AuditVerdict } from '../verdict.js';

/** What `audit.json` holds: every figure that `audit.html` shows, and nothing of anybody's data but of public sets. */
export interface AuditReport {
  readonly job: string;
  readonly purpose: string;
  /** The run that was attacked; absent for an audit of a job. */
  readonly run?: string;
  /** ISO 8601. */
  readonly made: string;
  readonly software: string;
  /** True when coins and noise could be recomputed from a seed. */
  readonly seeded: boolean;
  readonly seconds: number;
  readonly oneRun?: AuditVerdict;
  /** Of canaries in a deployment: their coins, against which anybody can check the commitment in the ledger. */
  readonly opening?: CanaryOpening;
  readonly attacks?: RunAttacks;
}
