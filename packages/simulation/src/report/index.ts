import type { Job, RoundRecord, RunSummary } from '@tutti/shared/protocol';
import { reportAssets } from './assets.js';
import { body, type StatementSection } from './body.js';
import { chartsOf } from './charts.js';
import { page } from './page.js';

export { reportStyle } from './assets.js';
export type { StatementSection } from './body.js';
export { count, duration, percent, smallProbability } from './figures.js';
export { markup, Markup } from './markup.js';
export { page } from './page.js';
export { renderPaper } from './paper.js';

export { renderShardsReport, type ShardOfReport } from './shards.js';
export { renderStatisticsReport } from './statistics.js';

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
  const { style, script } = reportAssets();
  return page(`${summary.job} · Tutti`, body(input), style, { script, data: chartsOf(rounds, job) });
}
