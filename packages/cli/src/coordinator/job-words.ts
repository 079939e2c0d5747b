import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import type { JobSummary } from '@tutti/server/api';
import { duration, percent } from '../output/figures.js';

/** The beginning of a hash: enough to name a job by. */
export const shortHash = (hash: string) => hash.slice(0, 12);

/** Jobs as a table, a line each. */
export function jobTable(jobs: readonly JobSummary[]): string {
  if (jobs.length === 0) return 'No job has been submitted.';
  return table([
    ['job', 'name', 'status', 'rounds', 'ε spent', 'budget', ''],
    ...jobs.map(({ job, name, status, rounds, epsilon, reason, live }) => [
      shortHash(job),
      name,
      status,
      `${rounds.completed}/${rounds.planned}`,
      epsilonFigure(epsilon.releasedModel),
      String(epsilon.budget),
      live === null ? (reason ?? '') : `round ${live.round}: ${live.phase}`,
    ]),
  ]);
}

/** Everything of one job, a fact a line. */
export function jobFacts(job: JobSummary): string {
  const { epsilon, rounds, live } = job;
  const facts: [string, string][] = [
    ['job', job.job],
    ['name', job.name],
    ['status', job.reason === null ? job.status : `${job.status}: ${job.reason}`],
    ['submitted', `${job.submittedAt} by ${job.submittedBy}`],
    ['rounds', `${rounds.completed} of ${rounds.planned}`],
    [
      'ε spent',
      `${epsilonFigure(epsilon.releasedModel)} of ${epsilon.budget} at δ = ${deltaFigure(epsilon.delta)}`,
    ],
    ['', `${epsilonFigure(epsilon.coordinator)} against the coordinator`],
    ['model', job.model ?? 'none yet'],
    ['now', live === null ? 'no round under way' : `round ${live.round}, ${live.phase}`],
  ];
  return facts.map(([name, value]) => `${name.padEnd(10)}${value}`).join('\n');
}

/** What a round came to, on one line. */
export function roundLine(record: Readonly<Record<string, unknown>> & Round): string {
  const { round, attempt, outcome, reason, survivors, selected, declined, epsilon, loss, accuracy } = record;
  const end = outcome === 'completed' ? 'completed' : `aborted: ${reason ?? 'unknown'}`;
  const quality =
    loss === undefined || accuracy === undefined
      ? ''
      : `, loss ${loss.toFixed(3)}, accuracy ${percent(accuracy)}`;
  const said = Object.entries(declined ?? {}).map(([code, clients]) => `${code} ${clients}`);
  const refusing = said.length === 0 ? '' : `, declined: ${said.join(', ')}`;
  const seconds = record.milliseconds['total'];
  const took = seconds === undefined ? '' : `, ${duration(seconds / 1000)}`;
  return (
    `round ${round}${attempt > 0 ? `, attempt ${attempt + 1}` : ''} ${end}: ` +
    `${survivors} of ${selected} in the sum${refusing}, ε ${epsilonFigure(epsilon.releasedModel)}${quality}${took}`
  );
}

interface Round {
  readonly round: number;
  readonly attempt: number;
  readonly outcome: string;
  readonly reason?: string | undefined;
  readonly survivors: number;
  readonly selected: number;
  readonly declined?: Readonly<Record<string, number>> | undefined;
  readonly epsilon: { readonly releasedModel: number | null };
  readonly loss?: number | undefined;
  readonly accuracy?: number | undefined;
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
