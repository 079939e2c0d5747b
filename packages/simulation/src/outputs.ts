import { stringify } from 'yaml';
import { layersModelFiles } from '@tutti/client/training';
import {
  privacyStatement,
  statementMarkdown,
  type LedgerEntry,
  type PrivacyStatement,
  type StatementFacts,
} from '@tutti/shared/privacy';
import {
  planOf,
  type AnnouncedJob,
  type AnnouncedStatistics,
  type SimulatedJob,
  type Job,
  type RoundRecord,
  type RunSummary,
  type StatisticsJob,
  type StatisticsSummary,
} from '@tutti/shared/protocol';
import type { JobRunner } from '@tutti/server';
import { renderReport, renderStatisticsReport } from './report/index.js';
import type { RunDirectory } from './run-directory.js';
import type { AuditFinding } from './simulate.js';
import { VERSION } from './version.js';

const STATISTICS = 'statistics.json';

export interface StatisticsOutcome {
  readonly job: StatisticsJob;
  readonly announced: AnnouncedStatistics;
  readonly runner: JobRunner;
  readonly ledger: readonly LedgerEntry[];
  readonly rounds: readonly RoundRecord[];
  readonly summary: StatisticsSummary;
  /** `statistics.json`. */
  readonly bytes: Uint8Array;
}

export interface Outcome {
  readonly job: Job;
  readonly announced: AnnouncedJob;
  readonly runner: JobRunner;
  readonly ledger: readonly LedgerEntry[];
  readonly rounds: readonly RoundRecord[];
  readonly summary: RunSummary;
  /** `statistics.json`, by which the job standardises. */
  readonly statistics?: Uint8Array | undefined;
  /** What the audit found that the job asks for. */
  readonly audit?: AuditFinding | undefined;
}

/**
 * Writes what a run came to: the report, the rounds, the privacy statement, the model and the job as resolved. No model where the job requires an
 * audit and none has passed.
 */
export async function writeOutputs(directory: RunDirectory, outcome: Outcome): Promise<void> {
  const { job, announced, runner, ledger, rounds, summary, statistics, audit } = outcome;
  const { jobHash: hash, modelHash: model } = runner;
  const facts = statementFacts(job, { announced, hash, model, ledger });
  const statement = privacyStatement({
    ...facts,
    ...(audit !== undefined && { audit: { ...audit, withholds: true } }),
  });
  const released = !job.audit.required || audit?.passed === true;
  const files = layersModelFiles(job.model, runner.weights);
  const resolved: Job = {
    ...job,
    // Beside it, from here on.
    ...(statistics && {
      data: { ...job.data, standardise: { ...job.data.standardise, source: STATISTICS } },
    }),
    privacy: announced.privacy,
  };
  await Promise.all([
    directory.write(
      'report.html',
      renderReport({ summary, rounds, job: resolved, statement: statement.items }),
    ),
    ...recordsOf(directory, { rounds, ledger, statement, job: resolved }),
    ...(statistics === undefined ? [] : [directory.write(STATISTICS, statistics)]),
    ...Object.entries(released ? files : {}).map(([name, content]) =>
      directory.write(`model/${name}`, content),
    ),
  ]);
}

/** What the statement of a run that trained is made from. Hashes are SHA-256, hex: of the job as announced, and of the final model. */
export function statementFacts(
  job: Job,
  {
    announced,
    hash,
    model,
    ledger,
  }: Pick<Outcome, 'announced' | 'ledger'> & { readonly hash: string; readonly model: string },
): StatementFacts {
  return {
    job: { name: job.name, purpose: job.purpose, controller: job.controller, hash },
    model: { hash: model, description: describeModel(job) },
    plan: planOf(announced),
    ...(announced.privacy.unit === 'example' && { example: { clipNorm: announced.privacy.clipNorm } }),
    minimumCohort: announced.cohort.minimum,
    ledger,
    software: { name: 'Tutti', version: VERSION },
    // One process plays all parts in a simulation, so that nobody stands between the coordinator and the enrolment.
    enrolment: 'coordinator',
  };
}

/** Writes what a run that counted has come to: the statistics, and beside them what {@link writeOutputs} writes of one that trained. */
export async function writeStatisticsOutputs(
  directory: RunDirectory,
  { job, announced, runner, ledger, rounds, summary, bytes }: StatisticsOutcome,
): Promise<void> {
  const statement = privacyStatement({
    job: { name: job.name, purpose: job.purpose, controller: job.controller, hash: runner.jobHash },
    model: { hash: runner.modelHash, description: `statistics of ${job.statistics.columns.length} columns` },
    released: 'statistics',
    plan: runner.plan,
    minimumCohort: announced.cohort.minimum,
    ledger,
    software: { name: 'Tutti', version: VERSION },
    enrolment: 'coordinator',
  });
  await Promise.all([
    directory.write(STATISTICS, bytes),
    directory.write(
      'report.html',
      renderStatisticsReport({ summary, rounds, job, statement: statement.items }),
    ),
    ...recordsOf(directory, { rounds, ledger, statement, job }),
  ]);
}

/** What there is of any run. */
function recordsOf(
  directory: RunDirectory,
  {
    rounds,
    ledger,
    statement,
    job,
  }: Pick<Outcome, 'rounds' | 'ledger'> & { statement: PrivacyStatement; job: SimulatedJob },
): readonly Promise<void>[] {
  return [
    directory.write('rounds.jsonl', rounds.map((record) => `${JSON.stringify(record)}\n`).join('')),
    directory.write('ledger.jsonl', ledger.map((entry) => `${JSON.stringify(entry)}\n`).join('')),
    directory.write('privacy.json', `${JSON.stringify(statement, null, 2)}\n`),
    directory.write('privacy.md', statementMarkdown(statement)),
    directory.write('job.yaml', stringify(job)),
  ];
}

function describeModel({ model }: Job): string {
  if (model.kind === 'layers') return `a model of TensorFlow.js layers, SHA-256 ${model.sha256 ?? ''}`;
  const widths = [
    ...(model.convolutions.length > 0 ? [] : [model.inputs]),
    ...model.hidden.map(({ units }) => units),
    model.classes,
  ];
  const filters = model.convolutions.map((layer) => layer.filters);
  if (filters.length > 0)
    return `convolutional classifier, filters ${filters.join('-')}, dense ${widths.join('-')}`;
  return `${model.hidden.length === 0 ? 'softmax regression' : 'dense classifier'}, ${widths.join('-')}`;
}
