import type { Job, RoundRecord, RunSummary } from '@tutti/shared/protocol';
import { reportAssets } from './assets.js';
import { body, type StatementSection } from './body.js';
import { chartsOf } from './charts.js';
import { page } from './page.js';

export type { StatementSection } from './body.js';

export interface ReportInput {
  readonly summary: RunSummary;
  /** One record an attempt at a round, in their order. */
  readonly rounds: readonly RoundRecord[];
  readonly job: Job;
  /** The privacy statement, section by section. */
  readonly statement?: readonly StatementSection[];
}

/**
 * The report of a run as one HTML file: charts, the guarantee in words, the job and every round. It asks the network for
 * nothing, and whatever stands in the job stays text.
 */
export function renderReport(input: ReportInput): string {
  const { summary, rounds, job } = input;
  return page(`${summary.job} · Tutti`, body(input), chartsOf(rounds, job), reportAssets());
}
