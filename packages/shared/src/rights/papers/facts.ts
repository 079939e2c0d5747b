import type { PrivacyStatement } from '../../privacy/index.js';
import type { Job } from '../../protocol/index.js';
import type { RetentionPeriods } from './retention.js';

/** What is known of a processing when a paper about it is drafted: the job always, the rest once it has run. */
export interface ProcessingFacts {
  readonly job: Job;
  /** ISO 8601. */
  readonly made: string;
  readonly software: string;
  /** Recomputed from the ledger. */
  readonly statement?: PrivacyStatement;
  /** What an audit of the run or of the job has shown. */
  readonly audit?: {
    readonly made: string;
    readonly epsilonLower: number;
    readonly claimed: number;
    readonly confidence: number;
    readonly passed: boolean;
  };
  /** Columns that were read, without the label. */
  readonly columns?: readonly string[];
  /** Requests for erasure, by their state. */
  readonly erasures?: readonly { readonly number: string; readonly state: string; readonly due: string }[];
  readonly accuracy?: number;
  /** Of the coordinator that runs the job. */
  readonly retention?: RetentionPeriods;
}

/** Models that are trained, each by clients of its own, by the run that the statement is of, or else by the job. */
export function shardsOf({ job, statement }: Pick<ProcessingFacts, 'job' | 'statement'>): number {
  return statement !== undefined && statement.shards === undefined ? 1 : job.erasure.shards;
}

/** The basis of a processing in words. */
export function basisText({ legalBasis, specialCategories }: Job): string {
  const nine =
    specialCategories === 'none processed'
      ? 'no special categories of data are processed'
      : `for special categories, Article 9(2) GDPR: ${specialCategories.replaceAll('-', ' ')}`;
  return `Article 6(1) GDPR: ${legalBasis.replaceAll('-', ' ')}; ${nine}`;
}

export function modelText({ model }: Job): string {
  const widths = [model.inputs, ...model.hidden.map(({ units }) => units), model.classes];
  return `${model.hidden.length === 0 ? 'softmax regression' : 'dense classifier'}, ${widths.join('-')}`;
}
